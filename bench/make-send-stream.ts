// Makes the stream that `zfs send` would make of a volume, from blocks that the caller gives: for
// benches and tests, which run without ZFS.

import {
  BEGIN,
  END,
  FREE,
  OBJECT,
  MICRO_ZAP,
  RECORD_CHECKSUM_AT,
  RECORD_SIZE,
  RECORD_STRUCTS,
  STREAM_MAGIC,
  TO_THE_END,
  VOLUME,
  WRITE,
} from '../formats/zfs-send/layout.ts';
import { fletcher4, type RunningChecksum } from '../formats/zfs-send/fletcher4.ts';

/** A block of a volume, or an extent of it that is freed. */
export interface MadeBlock {
  readonly diskOffset: number;
  /** How many bytes are freed; Infinity for all to the end. */
  readonly free?: number;
  /** The payload of a WRITE record. */
  readonly bytes?: Uint8Array;
  /** Of a compressed payload: the number of the compression, and its length when decompressed. */
  readonly compression?: number;
  readonly length?: number;
}

/** What the stream has. */
export interface MadeStream {
  readonly endian?: 'big' | 'little';
  readonly name?: string;
  readonly guid?: bigint;
  readonly fromGuid?: bigint;
  readonly features?: bigint;
  /** Undefined: none is sent, as in many incremental streams. */
  readonly volumeSize: number | undefined;
  readonly blockSize: number;
  readonly blocks: Iterable<MadeBlock>;
  readonly checksum?: RunningChecksum;
}

/** The pieces of a stream, one record or payload after the other. */
export function* makeSendStream(stream: MadeStream): Generator<Uint8Array, void> {
  const { endian = 'little', guid = 0x1234n, blockSize, volumeSize } = stream;
  const structs = RECORD_STRUCTS[endian];
  const checksum = stream.checksum ?? fletcher4();
  checksum.reset(endian);

  yield record(
    structs.begin.encode({
      type: BEGIN,
      payloadLength: 0,
      magic: STREAM_MAGIC,
      versionInfo: ((stream.features ?? 0n) << 2n) | 1n,
      creationTime: 1_700_000_000n,
      objectSetType: VOLUME,
      flags: 4,
      toGuid: guid,
      fromGuid: stream.fromGuid ?? 0n,
      toName: stream.name ?? 'tank/vm@snapshot',
    }),
  );
  yield object(1n, 23, blockSize);
  for (const { diskOffset, free, bytes, compression = 0, length } of stream.blocks) {
    if (free !== undefined) yield freed(1n, diskOffset, free);
    else if (bytes) {
      yield write(1n, diskOffset, length ?? bytes.length, compression, bytes.length);
      yield payload(bytes);
    }
  }
  yield object(2n, 24, 512);
  yield freed(2n, 512, Infinity);
  if (volumeSize !== undefined) {
    const zap = sizeBlock(volumeSize);
    yield write(2n, 0, zap.length, 0, zap.length);
    yield payload(zap);
  }
  const whole = checksumBytes();
  yield record(structs.end.encode({ type: END, payloadLength: 0, checksum: whole, toGuid: guid }));

  function record(fields: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(RECORD_SIZE);
    bytes.set(fields);
    checksum.update(bytes.subarray(0, RECORD_CHECKSUM_AT));
    if (fields.length < RECORD_SIZE) bytes.set(checksumBytes(), RECORD_CHECKSUM_AT);
    checksum.update(bytes.subarray(RECORD_CHECKSUM_AT));
    return bytes;
  }

  function payload(bytes: Uint8Array): Uint8Array {
    checksum.update(bytes);
    return bytes;
  }

  function checksumBytes(): Uint8Array {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    checksum.value().forEach((sum, i) => view.setBigUint64(8 * i, sum, endian === 'little'));
    return bytes;
  }

  function object(number: bigint, objectType: number, size: number): Uint8Array {
    return record(
      structs.object.encode({
        type: OBJECT,
        payloadLength: 0,
        object: number,
        objectType,
        bonusType: 0,
        blockSize: size,
        bonusLength: 0,
        checksumType: 0,
        compression: 0,
        dnodeSlots: 1,
        flags: 0,
        rawBonusLength: 0,
        toGuid: guid,
      }),
    );
  }

  function write(
    number: bigint,
    diskOffset: number,
    length: number,
    compression: number,
    payloadLength: number,
  ): Uint8Array {
    return record(
      structs.write.encode({
        type: WRITE,
        payloadLength: 0,
        object: number,
        objectType: 23,
        padding: 0,
        offset: BigInt(diskOffset),
        logicalSize: BigInt(length),
        toGuid: guid,
        checksumType: 7,
        flags: 0,
        compression,
        padding2: new Uint8Array(5),
        dedupKey: new Uint8Array(40),
        compressedSize: compression === 0 ? 0n : BigInt(payloadLength),
      }),
    );
  }

  function freed(number: bigint, diskOffset: number, length: number): Uint8Array {
    return record(
      structs.free.encode({
        type: FREE,
        payloadLength: 0,
        object: number,
        offset: BigInt(diskOffset),
        length: length === Infinity ? TO_THE_END : BigInt(length),
        toGuid: guid,
      }),
    );
  }

  function sizeBlock(size: number): Uint8Array {
    const block = new Uint8Array(512);
    const zeros = { salt: 0n, normalization: 0n, padding: new Uint8Array(40) };
    block.set(structs.microZap.encode({ blockType: MICRO_ZAP, ...zeros }));
    const entry = { differentiator: 0, padding: new Uint8Array(2), name: 'size' };
    block.set(structs.microZapEntry.encode({ value: BigInt(size), ...entry }), 64);
    return block;
  }
}
