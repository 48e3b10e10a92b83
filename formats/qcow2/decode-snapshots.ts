import type { ImageInput } from '../contract.ts';
import { roundUp } from '../rounding.ts';
import { textOf } from './decode-extensions.ts';
import type { Header } from './decode-header.ts';
import { damaged, hexOffset, unsupported } from './faults.ts';
import { snapshot, snapshotExtra } from './layout.ts';

/** An internal snapshot. */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  /** In bytes; undefined if the entry does not say: it is that of the image. */
  readonly diskSize: bigint | undefined;
  readonly l1: { readonly offset: number; readonly entryCount: number };
  /** Image offset of the end of its entry in the snapshot table. */
  readonly end: number;
}

/** QEMU's limit on the extra data of an entry (QCOW_MAX_SNAPSHOT_EXTRA_DATA), in bytes. */
const MAX_EXTRA = 1024;

/** Decodes the snapshot table entry by entry. Throws a FormatError where it cannot be right. */
export async function* decodeSnapshots(
  input: ImageInput,
  { snapshots }: Header,
): AsyncGenerator<Snapshot> {
  let at = snapshots.offset;
  for (let i = 0; i < snapshots.count; i++) {
    const where = `the entry of snapshot ${i + 1} of ${snapshots.count} at ${hexOffset(at)}`;
    const pastTheEnd = () =>
      damaged(`${where} runs past the end of the image (${hexOffset(input.size)})`);
    if (at + snapshot.size > input.size) throw pastTheEnd();
    const entry = snapshot.decode(await input.read(at, snapshot.size));
    if (entry.extraSize > MAX_EXTRA) {
      throw unsupported(
        `${where} has ${entry.extraSize} bytes of extra data, at most ${MAX_EXTRA}`,
      );
    }
    const nameAt = at + snapshot.size + entry.extraSize + entry.idSize;
    const end = nameAt + entry.nameSize;
    if (end > input.size) throw pastTheEnd();
    const extra = await input.read(at + snapshot.size, entry.extraSize);
    yield {
      id: textOf(await input.read(nameAt - entry.idSize, entry.idSize)),
      name: textOf(await input.read(nameAt, entry.nameSize)),
      diskSize:
        extra.length < snapshotExtra.size ? undefined : snapshotExtra.decode(extra).diskSize,
      l1: { offset: Number(entry.l1TableOffset), entryCount: entry.l1Size },
      end,
    };
    at = roundUp(end, 8);
  }
}
