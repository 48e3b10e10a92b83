import type { ImageExtent } from './contract.ts';

/** Joins extents that follow each other both on the disk and in the image. */
export function* joinExtents(extents: Iterable<ImageExtent>): Generator<ImageExtent> {
  let pending: ImageExtent | undefined;
  for (const next of extents) {
    const joined = pending && join(pending, next);
    if (pending && !joined) yield pending;
    pending = joined ?? next;
  }
  if (pending) yield pending;
}

function join(one: ImageExtent, next: ImageExtent): ImageExtent | undefined {
  if (one.diskOffset + one.diskLength !== next.diskOffset) return undefined;
  const diskLength = one.diskLength + next.diskLength;
  if (one.kind === 'zeros' && next.kind === 'zeros') return { ...one, diskLength };
  if (one.kind !== 'plain' || next.kind !== 'plain' || one.input !== next.input) return undefined;
  return one.imageOffset + one.diskLength === next.imageOffset ? { ...one, diskLength } : undefined;
}
