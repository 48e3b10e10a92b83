// The footer of a VHD. It is the last sector; a dynamic image begins with a copy of it.

import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { checksumProblem } from '../problems.ts';
import { damaged } from './faults.ts';
import { checksum, footer, FOOTER_COOKIE } from './layout.ts';

export type Footer = ReturnType<typeof footer.decode>;

/** A place where a footer can be. */
export interface FooterCopy {
  readonly imageOffset: number;
  /** The bytes there, padded to the struct. */
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  /** Why it is not valid, as the predicate of a clause; undefined if it is valid. */
  readonly damage: string | undefined;
}

/** The copies of the footer. */
export interface Footers {
  /** The valid one. */
  readonly used: FooterCopy;
  /** What is in the last sector. */
  readonly end: FooterCopy;
  /** What is in the first sector. In a fixed image this is data of the guest, not a copy. */
  readonly start: FooterCopy;
}

// By the specification, a footer from before Virtual PC 2004 lacks its last byte.
const OLD_FOOTER_SIZE = footer.size - 1;

/**
 * Reads the footer. The last sector comes first, because the guest can write anything into the
 * first sector of a fixed image. Rejects with a FormatError if neither is valid.
 */
export async function readFooter(input: ImageInput): Promise<Footers> {
  if (input.size < SECTOR_SIZE) {
    throw damaged(`the image has ${input.size} bytes, its footer alone has ${footer.size}`);
  }
  const end = await readEnd(input);
  const start = await readCopy(input, 0, footer.size);
  const used = [end, start].find(({ damage }) => damage === undefined);
  if (!used) {
    const found = `the last sector ${end.damage!}, the first sector ${start.damage!}`;
    throw damaged(`the image has no footer: ${found}`);
  }
  return { used, end, start };
}

async function readEnd(input: ImageInput): Promise<FooterCopy> {
  const found = await readCopy(input, input.size - footer.size, footer.size);
  if (found.damage === undefined) return found;
  const old = await readCopy(input, input.size - OLD_FOOTER_SIZE, OLD_FOOTER_SIZE);
  return old.damage === undefined ? old : found;
}

async function readCopy(
  input: ImageInput,
  imageOffset: number,
  length: number,
): Promise<FooterCopy> {
  const bytes = new Uint8Array(footer.size);
  bytes.set(await input.read(imageOffset, length));
  const found = footer.decode(bytes);
  return { imageOffset, bytes, footer: found, damage: damageOf(found) };
}

function damageOf(found: Footer): string | undefined {
  if (found.cookie !== FOOTER_COOKIE) return `does not begin with "${FOOTER_COOKIE}"`;
  const sum = checksum(footer.encode({ ...found, checksum: 0 }));
  return sum === found.checksum ? undefined : checksumProblem(found.checksum, sum);
}
