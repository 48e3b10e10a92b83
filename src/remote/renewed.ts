/** Something that may end, such as a token. */
export interface Ending {
  /** When it ends, in milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** Something that may end, which is found anew before it does. */
export interface Renewed<T extends Ending> {
  /** Throws what finding it throws, unless the one before is still valid. */
  get(): Promise<T>;
  /** Has `get` find another, as this one was refused; false if it cannot change. */
  renew(): boolean;
}

const MARGIN = 300_000;

/** How long the one before is used until another is looked for again, in milliseconds. */
const RETRY = 30_000;

/**
 * It is found anew so many milliseconds before its end, five minutes unless `margin` is given; one
 * that ends sooner from the start, in the middle of its life.
 */
export function renewed<T extends Ending>(find: () => Promise<T>, margin = MARGIN): Renewed<T> {
  let found: T | undefined;
  let isRefused = false;
  let due = 0; // when another is looked for, in milliseconds since 1970
  let finding: Promise<T> | undefined;

  const findAnew = async () => {
    try {
      found = await find();
      isRefused = false;
      const { expiresAt = Infinity } = found;
      due = Math.max(expiresAt - margin, (Date.now() + expiresAt) / 2);
      return found;
    } catch (error) {
      due = Math.min(Date.now() + RETRY, found?.expiresAt ?? 0);
      throw error;
    } finally {
      finding = undefined;
    }
  };
  return {
    async get() {
      const now = Date.now();
      if (found && !isRefused && now < due) return found;
      finding ??= findAnew();
      const { expiresAt = Infinity } = found ?? {};
      if (!found || isRefused || now >= expiresAt) return finding;
      finding.catch(() => undefined); // as it is valid, nobody needs to wait for another
      return found;
    },
    renew() {
      if (found?.expiresAt === undefined) return false;
      isRefused = true;
      return true;
    },
  };
}
