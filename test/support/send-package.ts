import { fletcher4 } from '../../formats/zfs-send/index.ts';
import {
  BEGIN,
  END,
  PACKAGE,
  RECORD_SIZE,
  RECORD_STRUCTS,
  STREAM_MAGIC,
} from '../../formats/zfs-send/layout.ts';
import { innerList, packedList, pairOf } from './nvlist.ts';

/** A package as its sender makes it: BEGIN and the list, END, the streams, and an END of zeros. */
export function packageOf(list: Buffer, streams: readonly Uint8Array[]): Buffer {
  const { begin, end } = RECORD_STRUCTS.little;
  const head = Buffer.alloc(RECORD_SIZE);
  head.set(
    begin.encode({
      type: BEGIN,
      payloadLength: list.length,
      magic: STREAM_MAGIC,
      versionInfo: PACKAGE,
      creationTime: 0n,
      objectSetType: 0,
      flags: 0,
      toGuid: 0n,
      fromGuid: 0n,
      toName: 'tank@b',
    }),
  );
  const checksum = fletcher4();
  checksum.reset('little');
  checksum.update(head);
  checksum.update(list);
  const whole = Buffer.alloc(32);
  checksum.value().forEach((sum, i) => whole.writeBigUInt64LE(sum, 8 * i));
  const [middle, last] = [Buffer.alloc(RECORD_SIZE), Buffer.alloc(RECORD_SIZE)];
  middle.set(end.encode({ type: END, payloadLength: 0, checksum: whole, toGuid: 0n }));
  last.writeUInt32LE(END);
  return Buffer.concat([head, list, middle, ...streams, last]);
}

/** The list of a package: the snapshots of each dataset, with their guids. */
export function listOf(
  datasets: Readonly<Record<string, Readonly<Record<string, bigint>>>>,
): Buffer {
  const each = Object.entries(datasets).map(([name, snapshots], i) => {
    const snaps = Object.entries(snapshots).map((pair) => pairOf(...pair));
    return pairOf(String(i), innerList(pairOf('name', name), pairOf('snaps', innerList(...snaps))));
  });
  return packedList(pairOf('tosnap', 'b'), pairOf('fss', innerList(...each)));
}
