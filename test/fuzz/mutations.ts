// Damages images. Fields of structs get values that often cause faults, with a valid checksum,
// since a reader would otherwise stop at that; bytes are changed, moved and removed.

import fc from 'fast-check';
import type { FormatName } from '../../formats/index.ts';
import * as qcow2 from '../../formats/qcow2/layout.ts';
import * as vhd from '../../formats/vhd/layout.ts';
import * as vdi from '../../formats/vdi/layout.ts';
import * as vmdk from '../../formats/vmdk/layout.ts';
import { type Place, struct } from './place.ts';
import { VHDX_PLACES } from './vhdx-places.ts';

/** Changes an image and returns it, or a shorter or longer one. */
export type Mutation = (image: Buffer) => Buffer;

const ends = (image: Buffer) => [image.length - 512];

const PLACES: Partial<Record<FormatName, readonly Place[]>> = {
  qcow2: [{ struct: struct(qcow2.header), at: () => [0] }],
  vhd: [{ struct: struct(vhd.footer), at: ends, seal: sealVhd(vhd.footer) }],
  'vhd-dynamic': [
    {
      struct: struct(vhd.footer),
      at: (image) => [0, image.length - 512],
      seal: sealVhd(vhd.footer),
    },
    { struct: struct(vhd.dynamicHeader), at: () => [512], seal: sealVhd(vhd.dynamicHeader) },
  ],
  vhdx: VHDX_PLACES,
  vdi: [{ struct: struct(vdi.header), at: () => [0] }],
  vmdk: [
    // In our images the footer begins two sectors before the end; in others that is part of a
    // grain.
    { struct: struct(vmdk.header), at: (image) => [0, image.length - 1024] },
    { struct: struct(vmdk.header), at: () => [0] },
    { struct: struct(vmdk.marker), at: (image) => [image.length - 1536] },
  ],
};

/** Values at the limits of numbers of 8 to 64 bits, and around the size of the image. */
export function oddNumbers(image: Buffer): fc.Arbitrary<bigint> {
  const sizes = [image.length, image.length / 512, image.length - 512].map((size) =>
    BigInt(Math.floor(size)),
  );
  const powers = Array.from({ length: 65 }, (_, bits) => 2n ** BigInt(bits));
  const near = [...sizes, ...powers].flatMap((value) => [value - 1n, value, value + 1n]);
  return fc.oneof(
    fc.constantFrom(...near, 0n, 3n),
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.bigInt(0n, 4096n),
  );
}

/** Up to four changes to an image. */
export function mutationsOf(name: FormatName, image: Buffer): fc.Arbitrary<Mutation> {
  const kinds = [bytesOf(image), entriesOf(image), cutOf(image), blockOf(image)];
  const fields = (PLACES[name] ?? []).map((place) => fieldOf(place, image));
  const one = fc.oneof(...kinds, ...fields, ...fields);
  return fc
    .array(one, { minLength: 1, maxLength: 4 })
    .map(
      (all) => (given) =>
        all.reduce<Buffer>((changed, mutate) => mutate(changed), Buffer.from(given)),
    );
}

function fieldOf({ struct, at, seal }: Place, image: Buffer): fc.Arbitrary<Mutation> {
  const names = Object.keys(struct.decode(new Uint8Array(struct.size)));
  return fc
    .record({ name: fc.constantFrom(...names), number: oddNumbers(image) })
    .map(({ name, number }) => (changed) => {
      for (const offset of at(image)) {
        if (offset < 0 || offset + struct.size > changed.length) continue;
        const values = struct.decode(changed.subarray(offset));
        const old = values[name];
        if (typeof old === 'bigint') values[name] = BigInt.asUintN(64, number);
        else if (typeof old === 'number') values[name] = Number(BigInt.asUintN(32, number));
        else continue;
        changed.set(struct.encode(values), offset);
        seal?.(changed, offset);
      }
      return changed;
    });
}

function sealVhd(given: unknown) {
  const sealed = struct(given);
  return (image: Buffer, offset: number) => {
    const values = { ...sealed.decode(image.subarray(offset)), checksum: 0 };
    const checksum = vhd.checksum(sealed.encode(values));
    image.set(sealed.encode({ ...values, checksum }), offset);
  };
}

/** More often where tables and headers lie than in the data. */
function offsetsIn(image: Buffer): fc.Arbitrary<number> {
  const head = Math.min(image.length, 8192);
  return fc.oneof(
    fc.nat(head - 1),
    fc.nat(image.length - 1),
    fc.nat(Math.min(image.length, 4096) - 1).map((back) => image.length - 1 - back),
  );
}

function bytesOf(image: Buffer): fc.Arbitrary<Mutation> {
  return fc
    .array(fc.record({ offset: offsetsIn(image), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 8,
    })
    .map((all) => (changed) => {
      for (const { offset, byte } of all) changed[offset % (changed.length || 1)] = byte;
      return changed;
    });
}

/** Replaces an entry of a table: a number of 4 or 8 bytes, in either byte order. */
function entriesOf(image: Buffer): fc.Arbitrary<Mutation> {
  const entry = fc.record({
    offset: offsetsIn(image),
    number: oddNumbers(image),
    wide: fc.boolean(),
    little: fc.boolean(),
  });
  return entry.map(({ offset, number, wide, little }) => (changed) => {
    const size = wide ? 8 : 4;
    const at = Math.floor(Math.min(offset, changed.length - size) / size) * size;
    if (at < 0) return changed;
    const view = new DataView(changed.buffer, changed.byteOffset);
    if (wide) view.setBigUint64(at, BigInt.asUintN(64, number), little);
    else view.setUint32(at, Number(BigInt.asUintN(32, number)), little);
    return changed;
  });
}

function cutOf(image: Buffer): fc.Arbitrary<Mutation> {
  return fc.nat(image.length).map((length) => (changed) => changed.subarray(0, length));
}

/** Copies bytes over others, so that tables name each other and data are taken for a table. */
function blockOf(image: Buffer): fc.Arbitrary<Mutation> {
  return fc
    .record({
      from: offsetsIn(image),
      to: offsetsIn(image),
      length: fc.constantFrom(4, 8, 512, 65_536),
    })
    .map(({ from, to, length }) => (changed) => {
      changed.copyWithin(to, from, from + length);
      return changed;
    });
}
