import type { ImageInput } from '../contract.ts';
import { fault, hex, textOf } from './extensions.ts';
import type { Header } from './header.ts';
import { snapshot } from './layout.ts';
import { roundUp } from '../rounding.ts';

/** An internal snapshot. Its disk is not read; its tables are checked. */
export interface Snapshot {
  readonly name: string;
  readonly l1: { readonly offset: number; readonly entryCount: number };
  /** Where its entry in the table of snapshots ends, in bytes of the image. */
  readonly end: number;
}

/** QEMU's limit on the extra data of an entry (QCOW_MAX_SNAPSHOT_EXTRA_DATA), in bytes. */
const MAX_EXTRA = 1024;

/** Reads the table of snapshots, an entry at a time. Throws a FormatError where it makes no sense. */
export async function* readSnapshots(
  input: ImageInput,
  { snapshots }: Header,
): AsyncGenerator<Snapshot> {
  let at = snapshots.offset;
  for (let i = 0; i < snapshots.count; i++) {
    const where = `snapshot ${i + 1} of ${snapshots.count}, at ${hex(at)}`;
    if (at + snapshot.size > input.size) throw fault(`${where}, runs past the end of the image`);
    const entry = snapshot.decode(await input.read(at, snapshot.size));
    if (entry.extraSize > MAX_EXTRA)
      throw fault(`${where}, has ${entry.extraSize} bytes of extra data`);
    const nameAt = at + snapshot.size + entry.extraSize + entry.idSize;
    const end = nameAt + entry.nameSize;
    if (end > input.size) throw fault(`${where}, runs past the end of the image`);
    yield {
      name: textOf(await input.read(nameAt, entry.nameSize)),
      l1: { offset: Number(entry.l1TableOffset), entryCount: entry.l1Size },
      end,
    };
    at = roundUp(end, 8);
  }
}
