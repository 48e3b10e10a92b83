import { allSettled } from '../workers/all-settled.ts';
import { asKexportError, KexportError } from '../errors.ts';
import { settle, type Traffic } from '../sinks/sink.ts';
import type { Image, Target } from './image.ts';

/** A target that failed in an export that continued without it. */
export interface Failure {
  /** The target that failed. */
  readonly target: Target;
  /** Why it failed: a KexportError. */
  readonly error: Error;
}

/** Some of the images of an export. */
export interface ImageGroup {
  /** Starts every image, one again if it is that of the next disk. Fails as `each` does. */
  start(start: (target: Target) => Promise<Image>): Promise<void>;
  /**
   * Runs `work` for all images at once and waits for all of them. Throws the first error. With
   * `keepGoing` it gives up that image instead, and throws only when no image of the export is
   * left.
   */
  each(work: (image: Image) => Promise<void>): Promise<void>;
  /** What was sent to stores; undefined if no image goes to one. */
  traffic(): Traffic | undefined;
}

/** The images of an export, from before they are started until they have their names. */
export interface ImageSet {
  /** The targets that were given up; only with `keepGoing`. */
  readonly failures: readonly Failure[];
  /** The images of these targets, without those that were given up. */
  group(targets: readonly Target[]): ImageGroup;
  /** Gives every image its final name. */
  commit(): Promise<void>;
  /** Called once nothing can fail any more: removes what was replaced. */
  settle(): Promise<void>;
  /** Discards all images. */
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
    group: (wanted) => ({
      async start(start) {
        for (const target of wanted.filter((one) => sinks.has(one))) {
          await attempt(target, async () => {
            const image = await start(target);
            images.set(target, image);
            sinks.set(target, image.sink);
          });
        }
      },
      async each(work) {
        const found = [...images].filter(([target]) => wanted.includes(target));
        // If one image fails, the others may still be writing from the shared buffers, so wait for
        // all.
        await allSettled(found.map(([target, image]) => attempt(target, () => work(image))));
      },
      traffic() {
        const parts = [...sinks].flatMap(([target, { traffic }]) =>
          wanted.includes(target) ? (traffic ?? []) : [],
        );
        if (parts.length === 0) return undefined;
        return parts.reduce((sum, { bytes, retries }) => ({
          bytes: sum.bytes + bytes,
          retries: sum.retries + retries,
        }));
      },
    }),
    async commit() {
      for (const [target, sink] of sinks) await attempt(target, () => sink.commit());
    },
    async settle() {
      await Promise.allSettled([...sinks.values()].map(settle));
    },
    async discard() {
      await Promise.allSettled([...sinks.values()].map((sink) => sink.discard()));
    },
  };
}
