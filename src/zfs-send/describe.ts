import {
  checkReadable,
  checkUsable,
  compressionName,
  featureNames,
  recordReader,
  type StreamFacts,
  streamFacts,
  StreamRefusal,
  volumeEvents,
} from '../../formats/zfs-send/index.ts';
import { BEGIN, END, WRITE, WRITE_EMBEDDED } from '../../formats/zfs-send/layout.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { withStreamErrors } from './events.ts';
import { streamTools } from './tools.ts';

/** Describes one stream of a file or package; sizes in bytes. */
export interface StreamDescription {
  /** `POOL/DATASET@SNAPSHOT`. */
  readonly snapshot: string;
  /** Guid of the snapshot, hexadecimal, as zstream dump prints it. */
  readonly guid: string;
  /** The guid of the snapshot that an incremental stream starts from; undefined for a full one. */
  readonly fromGuid: string | undefined;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** The kind of dataset. Only a volume is a disk. */
  readonly kind: 'volume' | 'file system';
  /** Features that the receiver of the stream must support. */
  readonly features: readonly string[];
  /** Size of the volume; undefined if the stream does not give it. */
  readonly volumeSize: number | undefined;
  /** Block size of the volume; undefined if the stream does not give it. */
  readonly blockSize: number | undefined;
  /** Compressions of its blocks, named as by `zfs get compression`. */
  readonly compressions: readonly string[];
  /** Why no disk can be made of the stream; undefined if one can. */
  readonly refusal: string | undefined;
  /** Length of the stream. */
  readonly streamSize: number;
  /** Bytes of data in its blocks, decompressed. */
  readonly dataSize: number;
}

/** Options of {@link describeStream}. */
export interface DescribeOptions {
  /**
   * Decompresses every block of a volume too, which finds damage that was there before the sender
   * computed the checksums. Default false.
   */
  readonly unpack?: boolean | undefined;
  /** Aborts the reading with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a stream or a package to its end, verifies all of it, and describes its content, even if
 * that is not a disk. Closes `input`. Throws a KexportError, `damaged` if the stream contradicts
 * itself.
 */
export async function describeStream(
  input: ByteStream,
  { unpack = false, signal }: DescribeOptions = {},
): Promise<StreamDescription[]> {
  const { checksum, decompressors } = await streamTools();
  const records = recordReader(checksum);
  const streams: StreamDescription[] = [];
  let open: ReturnType<typeof describing> | undefined;
  let piece: Buffer | undefined;
  try {
    return await withStreamErrors(input.name, async () => {
      for (;;) {
        const record = records.next();
        if (record) {
          if (record.ofPackage) continue;
          if (record.type === BEGIN) open = describing(streamFacts(record), record.at);
          else open?.add(record);
          if (record.type === END && open)
            streams.push(open.finish(record.at + record.bytes.length));
          continue;
        }
        if (piece) input.recycle?.(piece);
        piece = await input.read(signal);
        if (!piece) break;
        records.push(piece);
      }
      records.end();
      return streams;
    });
  } finally {
    await input.close();
  }

  function describing(facts: StreamFacts, start: number) {
    if (unpack) checkReadable(facts);
    const compressions = new Set<string>();
    const eventOf = volumeEvents(facts, decompressors);
    let volumeSize: number | undefined;
    let blockSize: number | undefined;
    let dataSize = 0;
    return {
      add(record: Parameters<typeof eventOf>[0]) {
        if (!facts.isVolume) return;
        const isData = record.type === WRITE || record.type === WRITE_EMBEDDED;
        const event = eventOf(record);
        if (event?.kind === 'end') volumeSize = event.size;
        if (event?.kind === 'block-size') blockSize = event.blockSize;
        if (isData && event?.kind === 'write') {
          dataSize += event.length;
          if (unpack) event.decompressTo(new Uint8Array(event.length));
          compressions.add(compressionName(event.compression) ?? `${event.compression}`);
        }
      },
      finish: (end: number): StreamDescription => ({
        snapshot: facts.snapshot,
        guid: facts.guid.toString(16),
        fromGuid: facts.fromGuid?.toString(16),
        createdAt: facts.createdAt,
        kind: facts.isVolume ? 'volume' : 'file system',
        features: featureNames(facts.features),
        volumeSize,
        blockSize,
        compressions: [...compressions],
        refusal: refusalOf(facts),
        streamSize: end - start,
        dataSize,
      }),
    };
  }
}

function refusalOf(facts: StreamFacts): string | undefined {
  try {
    checkUsable(facts);
    return undefined;
  } catch (error) {
    if (error instanceof StreamRefusal) return error.message;
    throw error;
  }
}
