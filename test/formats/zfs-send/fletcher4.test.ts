import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fletcher4 } from '../../../formats/zfs-send/fletcher4.ts';
import { importBuilt } from '../../support/built.ts';

const { fastParts } =
  await importBuilt<typeof import('../../../src/zfs-send/wasm.ts')>('src/zfs-send/wasm.ts');

const MASK = 2n ** 64n - 1n;

const CHECKSUMS = [fletcher4(), (await fastParts()).checksum];

/** As its definition has it. */
function byDefinition(bytes: Uint8Array, littleEndian: boolean): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sums = [0n, 0n, 0n, 0n];
  for (let at = 0; at < bytes.length; at += 4) {
    let carry = BigInt(view.getUint32(at, littleEndian));
    for (let i = 0; i < 4; i++) carry = sums[i] = (sums[i]! + carry) & MASK;
  }
  return sums;
}

test('the sums are those of the definition, in JavaScript and in WebAssembly', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 });
  fc.assert(
    fc.property(pieces, fc.boolean(), fc.nat(3), (arrays, littleEndian, shift) => {
      const words = arrays.map((array) => array.subarray(0, array.length - (array.length % 4)));
      const all = Buffer.concat(words);
      for (const checksum of CHECKSUMS) {
        checksum.reset(littleEndian ? 'little' : 'big');
        for (const piece of words) {
          const shifted = new Uint8Array(piece.length + shift);
          shifted.set(piece, shift);
          checksum.update(shifted.subarray(shift));
        }
        expect(checksum.value()).toEqual(byDefinition(all, littleEndian));
      }
    }),
  );
});

test('sums run over 64 bits as they should', () => {
  const bytes = new Uint8Array(2 ** 20).fill(0xff);
  for (const checksum of CHECKSUMS) {
    checksum.reset('little');
    checksum.update(bytes);
    expect(checksum.value()).toEqual(byDefinition(bytes, true));
  }
});
