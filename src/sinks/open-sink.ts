import { settle, type Sink } from './sink.ts';

/**
 * A sink that discards its image at the end of `await using`, unless it was committed; then it
 * settles it.
 */
export type OpenSink = Sink & AsyncDisposable;

/** Makes a sink disposable. Changes `sink` itself, which must not be in use yet. */
export function openSink(sink: Sink): OpenSink {
  const commit = sink.commit.bind(sink);
  const discard = sink.discard.bind(sink);
  let isCommitted = false;
  let isDiscarded = false;
  return Object.assign(sink, {
    async commit() {
      await commit();
      isCommitted = true;
    },
    async discard() {
      isDiscarded = true;
      await discard();
    },
    async [Symbol.asyncDispose]() {
      if (isDiscarded) return;
      isDiscarded = !isCommitted;
      await (isCommitted ? settle(sink) : discard());
    },
  });
}
