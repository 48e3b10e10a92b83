import type { MapExtent } from '../../images/image-map.ts';
import { withEscapes } from './lines.ts';
import { printable } from './printable.ts';

/** Extents whose lines are written at once. */
const BATCH = 1024;

/** The map of a disk for programs, piece by piece: a JSON array as that of `qemu-img map`. */
export async function* mapJson(extents: AsyncIterable<MapExtent>): AsyncGenerator<string> {
  let separator = '[';
  for await (const batch of batches(extents)) {
    const lines = batch.map((extent) => {
      const line = separator + withEscapes(JSON.stringify(extent));
      separator = ',\n';
      return line;
    });
    yield lines.join('');
  }
  yield separator === '[' ? '[]\n' : ']\n';
}

/** The map of a disk for people, piece by piece: its data, in the columns of `qemu-img map`. */
export async function* mapText(extents: AsyncIterable<MapExtent>): AsyncGenerator<string> {
  yield row('Offset', 'Length', 'Mapped to', 'File');
  for await (const batch of batches(extents)) yield batch.map(rowOf).join('');
}

function rowOf({ start, length, data, offset, file = '' }: MapExtent): string {
  if (!data) return '';
  const place = offset === undefined ? 'compressed' : hex(offset);
  return row(hex(start), hex(length), place, printable(file));
}

function row(start: string, length: string, offset: string, file: string): string {
  return `${[start, length, offset].map((cell) => cell.padEnd(16)).join('')}${file}\n`;
}

function hex(bytes: number): string {
  return bytes === 0 ? '0' : `0x${bytes.toString(16)}`;
}

async function* batches(extents: AsyncIterable<MapExtent>): AsyncGenerator<MapExtent[]> {
  let batch: MapExtent[] = [];
  for await (const extent of extents) {
    if (batch.push(extent) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
