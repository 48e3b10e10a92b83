/**
 * A queue between two loops: `take` waits until `push` adds an item. Calls of `take` must not
 * overlap.
 */
export class AsyncQueue<T> {
  readonly #items: T[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** Says that no more items will come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Makes every `take` from now on throw. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** The oldest item; undefined once the queue has ended and is empty. */
  async take(): Promise<T | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      if (this.#items.length > 0) return this.#items.shift();
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
