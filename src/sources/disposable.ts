/**
 * Makes an object disposable: it is closed at most once, by its `close` or at the end of `await
 * using`. Changes `opened` itself, which must not be in use yet.
 */
export function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  const close = opened.close.bind(opened);
  let closed: Promise<void> | undefined;
  const closeOnce = () => (closed ??= close());
  return Object.assign(opened, { close: closeOnce, [Symbol.asyncDispose]: closeOnce });
}
