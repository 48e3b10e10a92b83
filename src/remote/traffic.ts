import type { Traffic } from '../sinks/sink.ts';

/** Counts what a sink sends to a store. */
export interface TrafficCount {
  /** Adds bytes that have arrived. */
  add(bytes: number): void;
  readonly onRetry: () => void;
  total(): Traffic;
}

export function traffic(): TrafficCount {
  let bytes = 0;
  let retries = 0;
  return {
    add(count) {
      bytes += count;
    },
    onRetry() {
      retries++;
    },
    total: () => ({ bytes, retries }),
  };
}
