import type { BackingFacts } from '../../formats/index.ts';

/** What to call the backing file of an image in messages. */
export function backingName({ file, uuids }: BackingFacts): string {
  return file ?? `the image with the UUID ${uuids?.image ?? ''}`;
}
