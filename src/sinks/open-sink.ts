import type { Sink } from './sink.ts';

/** A sink that discards its image at the end of `await using`, unless it was committed. */
export type OpenSink = Sink & AsyncDisposable;

/** Makes a sink disposable. Changes `sink` itself, which must not be in use yet. */
export function openSink(sink: Sink): OpenSink {
  const commit = sink.commit.bind(sink);
  const discard = sink.discard.bind(sink);
  let ended = false;
  return Object.assign(sink, {
    async commit() {
      await commit();
      ended = true;
    },
    async discard() {
      ended = true;
      await discard();
    },
    async [Symbol.asyncDispose]() {
      if (ended) return;
      ended = true;
      await discard();
    },
  });
}
