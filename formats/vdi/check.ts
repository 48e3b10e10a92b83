import { claimsOf } from '../claims.ts';
import type { ImageInput, Problem } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import { mapEntries, placeProblem } from './block-map.ts';
import type { Header } from './decode-header.ts';

/** Checks the map of an image. Takes a bit of memory for each block of the disk. */
export async function* checkMap(input: ImageInput, header: Header): AsyncGenerator<Problem> {
  const { blockSize, blockCount, allocatedCount, diskSize } = header;
  const claims = claimsOf(roundUp(blockCount, 32), 0);
  let used = 0;
  for await (const entries of mapEntries(input, header, 0)) {
    for (const [block, place] of entries) {
      used++;
      if (block * blockSize >= diskSize) {
        yield leak(`the map has an entry for block ${block}, which is past the end of the disk`);
      } else {
        const problem = problemOf(block, place);
        if (problem !== undefined) yield error(problem);
      }
    }
  }
  if (used < allocatedCount) {
    yield leak(`the image has ${allocatedCount} blocks, the map has entries for ${used}`);
  }

  function problemOf(block: number, place: number): string | undefined {
    const problem = placeProblem(input, header, block, place);
    if (problem !== undefined) return problem;
    const what = `block ${block} is number ${place} in the image`;
    if (place >= allocatedCount) return `${what}, which has ${allocatedCount} blocks`;
    return claims.claim(place, 1) === undefined ? undefined : `${what}, and so is another block`;
  }
}
