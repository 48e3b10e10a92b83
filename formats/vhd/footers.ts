// The footer of a VHD that somebody wrote. It is the last sector, and in a dynamic image a copy of it is the first one.

import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { checksum, footer, FOOTER_COOKIE } from './layout.ts';

export type Footer = ReturnType<typeof footer.decode>;

/** A place where a footer may be. */
export interface FooterCopy {
  readonly imageOffset: number;
  /** As it is on disk, padded to the struct. */
  readonly bytes: Uint8Array;
  readonly footer: Footer;
  /** Why it cannot be relied on; undefined if it can. */
  readonly damage: string | undefined;
}

/** The copies of an image's footer. */
export interface Footers {
  /** The one to go by. */
  readonly used: FooterCopy;
  /** Of what lies at the end, and what lies at the start. In a fixed image the start is the guest's, not a copy. */
  readonly end: FooterCopy;
  readonly start: FooterCopy;
}

// Before Virtual PC 2004 the last byte of a footer was left out, says the specification.
const OLD_FOOTER_SIZE = footer.size - 1;

/**
 * Finds the footer. The one at the end counts if it is sound: the first sector of a fixed image is the guest's, who
 * can write there what he likes. Throws a FormatError if neither is sound.
 */
export async function findFooters(input: ImageInput): Promise<Footers> {
  if (input.size < SECTOR_SIZE) {
    throw new FormatError(
      'damaged',
      `vhd: the file has ${input.size} bytes, a footer alone has ${footer.size}`,
    );
  }
  const end = await endFooter(input);
  const start = await footerAt(input, 0, footer.size);
  const used = [end, start].find(({ damage }) => damage === undefined);
  if (!used) {
    throw new FormatError(
      'damaged',
      `vhd: no footer: the last sector ${end.damage!}, the first one ${start.damage!}`,
    );
  }
  return { used, end, start };
}

async function endFooter(input: ImageInput): Promise<FooterCopy> {
  const found = await footerAt(input, input.size - footer.size, footer.size);
  if (found.damage === undefined) return found;
  const old = await footerAt(input, input.size - OLD_FOOTER_SIZE, OLD_FOOTER_SIZE);
  return old.damage === undefined ? old : found;
}

async function footerAt(
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
  if (sum === found.checksum) return undefined;
  return `has the checksum ${hex32(found.checksum)}, its bytes give ${hex32(sum)}`;
}

/** A number of 32 bits as `0x0000abcd`. */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
