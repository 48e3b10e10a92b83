// Times our deflate and Node's zlib by turns in one process, over every n-th block of a file:
//
//   npm run build && node dist/bench/deflate.js <file> [every=10] [rounds=7] [windows] [levels]
//
// A round compresses all blocks once with each. MB/s is the median of the rounds, and so is the
// ratio, which is that of one round.

import { readFileSync } from 'node:fs';
import type { Encoding } from '../formats/index.ts';
import type { Compressor } from '../src/compress/compressor.ts';
import { openCompressor } from '../src/compress/open-compressor.ts';
import { deflateCompressor } from '../src/compress/deflate/index.ts';
import { medianOf } from './measure.ts';

const BLOCK = 65_536;
const [file, every = '10', rounds = '7', windows = '12,15', levels = '1,3,4,5,6,7,9'] =
  process.argv.slice(2);
if (!file) throw new Error('usage: deflate.js <file> [every] [rounds] [windows] [levels]');

const data = readFileSync(file);
const blocks: Buffer[] = [];
for (let at = 0; at + BLOCK <= data.length; at += BLOCK * Number(every)) {
  const block = Buffer.from(data.subarray(at, at + BLOCK));
  if (block.some((byte) => byte)) blocks.push(block);
}
const output = new Uint8Array(BLOCK + 4096);

function timed(compressor: Compressor) {
  let bytes = 0;
  const start = process.hrtime.bigint();
  for (const block of blocks) bytes += compressor.compress(block, output);
  return { bytes, seconds: Number(process.hrtime.bigint() - start) / 1e9 };
}

console.log(`${blocks.length} blocks of ${file}, ${rounds} rounds, Node ${process.version}`);
console.log('window level   zlib MB/s   ours MB/s   speed   zlib size   ours size   size');
for (const windowBits of windows.split(',').map(Number)) {
  for (const level of levels.split(',').map(Number)) {
    const encoding: Encoding = { kind: 'zlib', windowBits: windowBits === 12 ? 12 : 15, level };
    const zlib = await openCompressor(encoding, 'zlib');
    const ours = await deflateCompressor(encoding);
    const zlibSize = timed(zlib).bytes;
    const oursSize = timed(ours).bytes;
    const times: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < Number(rounds); round++) {
      const [theirs, own] = [timed(zlib).seconds, timed(ours).seconds];
      times[0].push(theirs);
      times[1].push(own);
      times[2].push(theirs / own);
    }
    const speed = (seconds: number[]) =>
      ((blocks.length * BLOCK) / medianOf(seconds) / 1e6).toFixed(1);
    console.log(
      [
        String(windowBits).padStart(6),
        String(level).padStart(5),
        speed(times[0]).padStart(11),
        speed(times[1]).padStart(11),
        `${medianOf(times[2]).toFixed(2)}x`.padStart(7),
        String(zlibSize).padStart(11),
        String(oursSize).padStart(11),
        `${((oursSize / zlibSize - 1) * 100).toFixed(2)}%`,
      ].join(' '),
    );
  }
}
