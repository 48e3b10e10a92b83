// A VMDK in memory, and a reader that takes nothing but what the specification says: from the overhead on only
// markers and grains, in order. It shares no code with the writer.

import { deflateSync, inflateSync } from 'node:zlib';
import { type Block, type Disk, type Format, type ImageOutput, vmdk } from '../../formats/index.ts';

const SECTOR = 512;
export const GRAIN = 65_536;
const TABLE_ENTRIES = 512;

/** The grains of a disk that are not zero, by their number. */
export type Grains = ReadonlyMap<number, Uint8Array>;

export const IDENTITY: Omit<Disk, 'size'> = {
  name: 'disk',
  uuid: Uint8Array.from({ length: 16 }, (_, i) => i * 0x11),
  createdAt: 1_700_000_000,
};

interface MemoryOutput extends ImageOutput {
  position: number;
  readonly patches: number;
  /** Throws if a buffer was changed after it was handed over. */
  image(): Buffer;
}

/** Collects an image. */
export function memoryOutput(): MemoryOutput {
  const parts: { given: Uint8Array; copy: Buffer }[] = [];
  const patched: { at: number; bytes: Uint8Array }[] = [];
  const output = {
    position: 0,
    patches: 0,
    append(bytes: Uint8Array) {
      parts.push({ given: bytes, copy: Buffer.from(bytes) });
      output.position += bytes.length;
    },
    zeros: (count: number) => output.append(new Uint8Array(count)),
    patch(at: number, bytes: Uint8Array) {
      output.patches++;
      patched.push({ at, bytes });
    },
    image() {
      for (const { given, copy } of parts) {
        if (!copy.equals(given)) throw new Error('a buffer was changed after it was appended');
      }
      const image = Buffer.concat(parts.map(({ copy }) => copy));
      for (const { at, bytes } of patched) image.set(bytes, at);
      return image;
    },
  };
  return output;
}

export interface Written {
  readonly image: Buffer;
  readonly patches: number;
}

interface WriteOptions {
  readonly sizeFirst?: boolean;
  readonly format?: Format;
  readonly identity?: Partial<Disk>;
}

/** Writes the disk; `sizeFirst: false` tells its size only at the end. */
export function writeVmdk(grains: Grains, diskSize: number, options: WriteOptions = {}): Written {
  const { sizeFirst = true, format = vmdk(), identity } = options;
  const output = memoryOutput();
  const writer = format.write({
    disk: { ...IDENTITY, ...identity, size: sizeFirst ? diskSize : undefined },
    encoding: format.encoding({ level: 6 }),
    output,
    hasher: () => {
      throw new Error('nothing to hash');
    },
  });
  for (const [index, bytes] of grains) writer.add(blockOf(index, bytes));
  writer.finish(diskSize);
  return { image: output.image(), patches: output.patches };
}

export function blockOf(index: number, bytes: Uint8Array, packed?: Uint8Array): Block {
  return {
    index,
    bytes,
    length: GRAIN,
    packed: ({ level, windowBits }) => packed ?? deflateSync(bytes, { level, windowBits }),
  };
}

export interface Walked {
  readonly grains: Map<number, Buffer>;
  /** Sector of each grain, of each table in the order of the image, and of the directory. */
  readonly grainSectors: Map<number, number>;
  readonly tableSectors: number[];
  readonly directorySector: number;
}

/** Walks an image from its overhead to its last sector, following no pointer. Throws at whatever does not belong. */
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
