// Images of every format, byte for byte, as `hexdump -C` shows them. `npm run goldens` rewrites
// them: review the changes before you commit them.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BLOCK_SIZE, FORMATS } from '../../formats/index.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { blockOf, requestOf } from '../support/write-image.ts';

const SIZE = 2 ** 22;
/** Neighbours, some after a gap, and the last block of the disk. */
const INDEXES = [0, 1, 5, 63];

// A block of repeated lines, and a placeholder for its compressed stream, since zlib writes other
// bytes in each version of Node.
const BYTES = Buffer.alloc(BLOCK_SIZE, 'a line of a dump');
const STREAM = Buffer.from('compressed');

test.each(Object.entries(FORMATS))(
  'an image in %s has the bytes of its golden',
  async (name, create) => {
    const format = create();
    const image = new MemoryImage();
    const writer = await format.write(requestOf(format, image, { size: SIZE }));
    for (const index of INDEXES) writer.add(blockOf(index, BYTES, { packed: STREAM }));
    writer.finish(SIZE);
    await writer.seal?.(image.asInput());
    const golden = join(import.meta.dirname, 'goldens', `${name}.hex`);
    await expect(hexdump(image.bytes)).toMatchFileSnapshot(golden);
  },
);

/** Lines of 16 bytes; an asterisk stands for lines that are the same as the one before. */
function hexdump(bytes: Buffer): string {
  const lines: string[] = [];
  let before: Buffer | undefined;
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    if (before?.equals(line)) {
      if (lines.at(-1) !== '*') lines.push('*');
    } else lines.push(dumpLine(at, line));
    before = line;
  }
  return [...lines, offsetOf(bytes.length), ''].join('\n');
}

function dumpLine(at: number, line: Buffer): string {
  const half = (from: number) =>
    Array.from(line.subarray(from, from + 8), (byte) => byte.toString(16).padStart(2, '0')).join(
      ' ',
    );
  const hex = `${half(0)}  ${half(8)}`.padEnd(48);
  const text = line.toString('latin1').replace(/[^ -~]/g, '.');
  return `${offsetOf(at)}  ${hex}  |${text}|`;
}

function offsetOf(at: number): string {
  return at.toString(16).padStart(8, '0');
}
