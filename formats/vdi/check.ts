import { claimsOf } from '../claims.ts';
import type { ImageInput, Problem } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import { mapEntries, placeProblem } from './block-map.ts';
import type { Header } from './decode-header.ts';

/** Tells what is wrong with the map of an image. Its memory is a bit for each block of the disk. */
export async function* checkMap(input: ImageInput, header: Header): AsyncGenerator<Problem> {
  const { blockSize, blockCount, allocatedCount, diskSize } = header;
  const claims = claimsOf(roundUp(blockCount, 32), 0);
  let used = 0;
  for await (const [block, place] of mapEntries(input, header, 0)) {
    used++;
    if (block * blockSize >= diskSize) {
      yield leak(`the map names block ${block}, past the end of the disk`);
      continue;
    }
    const problem = placeProblem(input, header, block, place);
    if (problem !== undefined) yield error(problem);
    else if (place >= allocatedCount) {
      yield error(`block ${block} is number ${place} in the image, which has ${allocatedCount}`);
    } else if (claims.claim(place, 1) !== undefined) {
      yield error(`block ${block} is number ${place} in the image, as another one is`);
    }
  }
  if (used < allocatedCount) {
    yield leak(`the image has ${allocatedCount} blocks, the map names ${used}`);
  }
}
