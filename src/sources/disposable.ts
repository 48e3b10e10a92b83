/**
 * Has an object closed at most once, by its `close` or at the end of an `await using`. Changes the
 * object, which nobody else has yet.
 */
export function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  const close = opened.close.bind(opened);
  let closed: Promise<void> | undefined;
  const closeOnce = () => (closed ??= close());
  return Object.assign(opened, { close: closeOnce, [Symbol.asyncDispose]: closeOnce });
}
