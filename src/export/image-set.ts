import { allSettled } from '../workers/all-settled.ts';
import { asKexportError, KexportError } from '../errors.ts';
import type { Image, Target } from './image.ts';

/** A target that came to nothing in a run that went on without it. */
export interface Failure {
  /** What was to be made. */
  readonly target: Target;
  /** Why it was not: a KexportError. */
  readonly error: Error;
}

/** The images of a run, from before they are started until they have their names. */
export interface ImageSet {
  /** What a run that keeps going has given up. */
  readonly failures: readonly Failure[];
  /** Starts every image. Fails as `each` does. */
  start(start: (target: Target) => Promise<Image>): Promise<void>;
  /**
   * Does something with every image at once and waits for all of them. Throws the first error; if
   * the run keeps going, gives up that image instead, and throws when none is left.
   */
  each(work: (image: Image) => Promise<void>): Promise<void>;
  /** Gives every image its final name. */
  commit(): Promise<void>;
  /** Leaves nothing of any image. */
  discard(): Promise<void>;
}

export function imageSet(targets: readonly Target[], keepGoing: boolean): ImageSet {
  const sinks = new Map(targets.map((target) => [target, target.sink]));
  const images = new Map<Target, Image>();
  const failures: Failure[] = [];

  async function attempt(target: Target, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const error = asKexportError(cause);
      if (!keepGoing || !(error instanceof KexportError) || error.code === 'aborted') throw error;
      failures.push({ target, error });
      images.delete(target);
      await sinks.get(target)?.discard();
      sinks.delete(target);
      if (sinks.size === 0) throw error;
    }
  }

  return {
    failures,
    async start(start) {
      for (const target of targets) {
        await attempt(target, async () => {
          const image = await start(target);
          images.set(target, image);
          sinks.set(target, image.sink);
        });
      }
    },
    async each(work) {
      // One that fails must not end the run while the others still write from its buffers.
      await allSettled([...images].map(([target, image]) => attempt(target, () => work(image))));
    },
    async commit() {
      for (const [target, sink] of sinks) await attempt(target, () => sink.commit());
    },
    async discard() {
      await Promise.allSettled([...sinks.values()].map((sink) => sink.discard()));
    },
  };
}
