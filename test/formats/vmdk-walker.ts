// A reader of VMDKs that accepts only what the specification says: after the overhead only markers
// and grains, in order. It shares no code with the writer.

import { inflateSync } from 'node:zlib';

const SECTOR = 512;
export const GRAIN = 65_536;
const TABLE_ENTRIES = 512;

/** Numbers of grains, every `step`th. */
export function every(step: number, first: number, end: number): number[] {
  return Array.from({ length: Math.ceil((end - first) / step) }, (_, i) => first + i * step);
}

interface Walked {
  readonly grains: Map<number, Buffer>;
  /** Sector of each grain, of each table in the order of the image, and of the directory. */
  readonly grainSectors: Map<number, number>;
  readonly tableSectors: number[];
  readonly directorySector: number;
}

/**
 * Walks an image from its overhead to its last sector without following pointers. Throws for
 * anything unexpected.
 */
export function walk(image: Buffer): Walked {
  const at = (sector: number) => image.subarray(sector * SECTOR, (sector + 1) * SECTOR);
  const grains = new Map<number, Buffer>();
  const grainSectors = new Map<number, number>();
  const tableSectors: number[] = [];
  let directorySector = 0;
  let sector = Number(image.readBigUInt64LE(64));
  let lastGrain = -1;
  assert(image.length % SECTOR === 0, 'the image ends within a sector');

  for (;;) {
    const value = Number(at(sector).readBigUInt64LE(0));
    const size = at(sector).readUInt32LE(8);
    if (size > 0) {
      const end = sector * SECTOR + 12 + size;
      const next = Math.ceil(end / SECTOR);
      const grain = value / 128;
      assert(Number.isInteger(grain) && grain > lastGrain, `grain ${grain} after ${lastGrain}`);
      assert(isZero(image.subarray(end, next * SECTOR)), `padding of grain ${grain}`);
      grains.set(grain, inflateWhole(image.subarray(sector * SECTOR + 12, end)));
      grainSectors.set(grain, sector);
      lastGrain = grain;
      sector = next;
      continue;
    }
    const type = at(sector).readUInt32LE(12);
    assert(isZero(at(sector).subarray(16)), `padding of the marker at sector ${sector}`);
    if (type === 0) break;
    if (type === 1) tableSectors.push(sector + 1);
    if (type === 2) directorySector = sector + 1;
    if (type === 3) assert(sector === image.length / SECTOR - 3, 'the place of the footer');
    assert(type <= 3, `marker type ${type}`);
    sector += 1 + value;
  }
  assert(sector === image.length / SECTOR - 1, `stream ended at sector ${sector}`);
  return { grains, grainSectors, tableSectors, directorySector };
}

/** What the directory and the tables say: the sector of each grain. */
export function lookUp(image: Buffer, directorySector: number): Map<number, number> {
  const found = new Map<number, number>();
  const grainCount = Number(image.readBigUInt64LE(12)) / 128;
  for (let grain = 0; grain < grainCount; grain++) {
    const gde = image.readUInt32LE(
      directorySector * SECTOR + Math.floor(grain / TABLE_ENTRIES) * 4,
    );
    if (gde === 0) continue;
    const gte = image.readUInt32LE(gde * SECTOR + (grain % TABLE_ENTRIES) * 4);
    if (gte !== 0) found.set(grain, gte);
  }
  return found;
}

/** A zlib stream that must make one grain and end where its marker says. */
function inflateWhole(stream: Buffer): Buffer {
  const { buffer, engine } = inflateSync(stream, { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  assert(buffer.length === GRAIN, `a grain of ${buffer.length} bytes`);
  assert(engine.bytesWritten === stream.length, 'bytes after the zlib stream');
  return buffer;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`vmdk: wrong ${what}`);
}
