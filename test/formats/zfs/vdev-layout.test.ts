import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draidLayout } from '../../../formats/zfs/draid-layout.ts';
import { poolMedia } from '../../../formats/zfs/pool-media.ts';
import { raidzLayout } from '../../../formats/zfs/raidz-layout.ts';
import { mirrorLayout, type Stripe, type VdevLayout } from '../../../formats/zfs/vdev-layout.ts';

const MIB = 2 ** 20;
const UNIT = 4096;
const raidz = (deviceCount: number, parity: number, expansions: readonly bigint[] = []) =>
  raidzLayout({ deviceCount, parity, ashift: 12, expansions });
const draid = draidLayout({
  deviceCount: 7,
  parity: 1,
  data: 3,
  spares: 1,
  groups: 3, // 4 columns and 6 devices: 12 in 2 rows
  ashift: 12,
});

const LAYOUTS: readonly (readonly [string, VdevLayout, parity: number])[] = [
  ['a mirror', mirrorLayout(2), 0],
  ['raidz1 of three', raidz(3, 1), 1],
  ['raidz2 of five', raidz(5, 2), 2],
  ['raidz1 that has grown to five', raidz(5, 1, [50n]), 1],
  ['dRAID', draid, 1],
];

/** How many sectors of the vdev a block takes, with parity. */
function allocatedSize(layout: VdevLayout, length: number, width: number, parity: number): number {
  const sectors = Math.ceil(length / UNIT);
  const rows = Math.ceil(sectors / (width - parity));
  if (layout === draid) return rows * width * UNIT;
  return Math.ceil((sectors + rows * parity) / (parity + 1)) * (parity + 1) * UNIT;
}

const widthOf = (layout: VdevLayout, birth: bigint) => {
  if (layout === draid) return 4;
  return layout.deviceCount === 5 && birth < 50n ? 4 : layout.deviceCount;
};

describe.each(LAYOUTS)('the layout of %s', (name, layout, parity) => {
  const block = fc.record({
    at: fc.integer({ min: 0, max: 40_000 }),
    sectors: fc.integer({ min: 1, max: 40 }),
    birth: name.includes('grown') ? fc.constantFrom(10n, 60n) : fc.constant(60n),
  });

  test('has every byte of a block within the devices of its extent', () => {
    fc.assert(
      fc.property(block, ({ at, sectors, birth }) => {
        const offset = Math.ceil((at * UNIT) / layout.alignment) * layout.alignment;
        const length = sectors * UNIT;
        const width = widthOf(layout, birth);
        const size = allocatedSize(layout, length, width, parity);
        const parts: [number, number, number][] = [];
        layout.spread(offset, offset + size, (...part) => parts.push(part));
        for (const stripes of layout.copies({ offset, length, birth })) {
          const data = stripes.flatMap((stripe) => stripe.data.flat());
          expect(data.reduce((sum, piece) => sum + piece.length, 0)).toBe(length);
          const parities = stripes.flatMap(({ parity: column }) => column ?? []);
          const outside = [...data, ...parities].filter(
            (piece) =>
              !parts.some(
                ([device, from, to]) =>
                  device === piece.device &&
                  from <= piece.offset &&
                  piece.offset + piece.length <= to,
              ),
          );
          expect(outside).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('spreads extents in ascending order, none of them on one place', () => {
    const ends = new Map<number, number>();
    const unit = Math.max(UNIT, layout.alignment);
    let total = 0;
    let isAscending = true;
    for (let at = 0; at < 300 * MIB; at += 370 * unit) {
      layout.spread(at, at + 300 * unit, (device, start, end) => {
        isAscending &&= start >= (ends.get(device) ?? 0) && end > start;
        ends.set(device, end);
        total += end - start;
      });
    }
    const copies = name === 'a mirror' ? 2 : 1;
    expect(isAscending).toBe(true);
    expect(total).toBe(Math.ceil((300 * MIB) / (370 * unit)) * 300 * unit * copies);
  });

  test('reads a block also without one of the devices', async () => {
    const length = 11 * UNIT;
    const at = { offset: Math.max(UNIT, layout.alignment) * 600, length, birth: 60n };
    const content = Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
    const devices = written(layout, at, content);
    for (let lost = -1; lost < layout.deviceCount; lost++) {
      const readers = devices.map((device, index) =>
        index === lost
          ? undefined
          : (offset: number, size: number) =>
              Promise.resolve(device.subarray(offset, offset + size)),
      );
      const [way] = poolMedia([{ id: 4, layout, devices: readers }]).ways(4, at);
      expect(await way?.()).toEqual(content);
    }
    const none = devices.map(() => undefined);
    expect(poolMedia([{ id: 4, layout, devices: none }]).ways(4, at)).toEqual([]);
    expect(poolMedia([]).ways(4, at)).toEqual([]);
  });
});

/** Devices with a block on them, and its parity. */
function written(
  layout: VdevLayout,
  at: { offset: number; length: number; birth: bigint },
  content: Uint8Array,
): Uint8Array[] {
  const devices = Array.from({ length: layout.deviceCount }, () => new Uint8Array(24 * MIB));
  for (const stripes of layout.copies(at)) {
    let from = 0;
    for (const stripe of stripes) from = writeStripe(stripe, content, from, devices);
  }
  return devices;
}

function writeStripe(
  { parity, data }: Stripe,
  content: Uint8Array,
  from: number,
  devices: readonly Uint8Array[],
): number {
  const [first] = parity ?? [];
  const sum = new Uint8Array(first?.length ?? 0);
  for (const { device, offset, length } of data.flat()) {
    const piece = content.subarray(from, from + length);
    devices[device]!.set(piece, offset);
    for (const [index, byte] of piece.entries()) if (index < sum.length) sum[index]! ^= byte;
    from += length;
  }
  if (first) devices[first.device]!.set(sum, first.offset);
  return from;
}
