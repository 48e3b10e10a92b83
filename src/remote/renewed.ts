/** Something that may end, such as a token. */
export interface Ending {
  /** When it ends, in milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** Something that may end, which is found anew before it does. */
export interface Renewed<T extends Ending> {
  /** Throws what finding it throws. */
  get(): Promise<T>;
  /** Has `get` find another, as this one was refused; false if it cannot change. */
  renew(): boolean;
}

const MARGIN = 300_000;

/** It is found anew so many milliseconds before its end: five minutes, unless `margin` is given. */
export function renewed<T extends Ending>(find: () => Promise<T>, margin = MARGIN): Renewed<T> {
  let current: Promise<T> | undefined;
  let found: T | undefined;
  return {
    async get() {
      const { expiresAt = Infinity } = found ?? {};
      if (Date.now() > expiresAt - margin) current = undefined;
      current ??= find().catch((error: unknown) => {
        current = undefined;
        throw error;
      });
      found = await current;
      return found;
    },
    renew() {
      if (found?.expiresAt === undefined) return false;
      current = undefined;
      return true;
    },
  };
}
