/** Work that goes on at the same time, up to a limit. */
export interface InFlight {
  /**
   * Starts work as soon as less than the limit, or than `most`, is under way, and returns then.
   * Throws the first failure of earlier work.
   */
  start(work: () => Promise<void>, most?: number): Promise<void>;
  /** Waits for all work. Throws its first failure. */
  done(): Promise<void>;
  /** Waits for all work, whatever becomes of it. */
  settled(): Promise<void>;
}

export function inFlight(limit: number): InFlight {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  const check = () => {
    if (failure) throw failure.error;
  };
  const settled = async () => {
    while (running.size > 0) await Promise.all(running);
  };

  return {
    async start(work, most = limit) {
      while (running.size >= most && !failure) await Promise.race(running);
      check();
      const ended = work()
        .catch((error: unknown) => void (failure ??= { error }))
        .finally(() => running.delete(ended));
      running.add(ended);
    },
    async done() {
      await settled();
      check();
    },
    settled,
  };
}
