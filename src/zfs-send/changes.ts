// Reads what a send stream changes. A single stream is read as it arrives; a package with several
// streams of the volume goes to a spool file first, and they are read from there together.

import type { SendStreamEvent, StreamChoice, StreamFacts } from '../../formats/zfs-send/index.ts';
import { KexportError } from '../errors.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { fileStream } from '../byte-streams/file-stream.ts';
import { openSpoolFile, type SpoolFile } from '../host/spool-file.ts';
import { type StreamEvents, streamEvents } from './events.ts';
import { type Layer, layered, streamLayer } from './layer.ts';

/**
 * Limit of this program on the snapshots of one package, since all of them are read at the same
 * time.
 */
const MAX_STEPS = 256;
/** Bytes of each snapshot that are read at once. */
const STEP_PIECE = 1 << 16;

/** The changes that a send stream makes to the disk of its volume. */
export interface SentChanges {
  /** What people call the stream. Shown in messages. */
  readonly name: string;
  /** The changes, to be read once. */
  readonly layer: Layer;
  /** Facts of the last snapshot, which the changes lead to. */
  readonly stream: StreamFacts;
  /** The guid of the snapshot that the stream starts from; undefined for a full stream. */
  readonly fromGuid: bigint | undefined;
  /**
   * Block size of the volume, in bytes; undefined if the stream does not give it before its first
   * change.
   */
  readonly blockSize: number | undefined;
  /** Closes the stream; call it once. */
  close(): Promise<void>;
}

/**
 * Reads the beginning of a stream, or all of a package that has several streams of the volume. If
 * this throws, the caller still owns `input` and closes it.
 */
export async function sentChanges(
  input: ByteStream,
  options: StreamChoice & { readonly signal?: AbortSignal | undefined },
): Promise<SentChanges> {
  const { name } = input;
  const { signal } = options;
  const kept = keptBytes(input);
  // Streams that are not wanted may be large.
  const events = await streamEvents(kept, options, (decoded) => kept.drop(decoded));
  const first = await events.next(signal);
  if (first?.kind !== 'begin') throw new Error(`${name} begins without a stream`);
  if (!first.isLast) return packagedChanges(kept, events, first, signal);
  kept.letGo();
  const { stream } = first;
  const opening = await events.next(signal);
  const blockSize = opening?.kind === 'block-size' ? opening.blockSize : undefined;
  const layer = streamLayer(events, opening);
  return {
    name,
    layer,
    stream,
    fromGuid: stream.fromGuid,
    blockSize,
    close: () => events.close(),
  };
}

/**
 * A stream that keeps the bytes that were read, in memory at first, until it is clear whether they
 * are needed again.
 */
interface KeptBytes extends ByteStream {
  /** Where in the stream that begins which is kept. */
  readonly start: number;
  /** Drops what is in memory before that byte of the stream. */
  drop(end: number): void;
  /** Drops the bytes, and keeps no more. */
  letGo(): void;
  /** Keeps all bytes in a file from now on, also those that were read before. */
  keepIn(spool: SpoolFile): Promise<void>;
}

function keptBytes(input: ByteStream): KeptBytes {
  let pieces: Buffer[] | undefined = [];
  let file: SpoolFile | undefined;
  let start = 0;
  let position = 0;

  return {
    ...input,
    get start() {
      return start;
    },
    drop(end) {
      for (let first = pieces?.[0]; first && start + first.length <= end; first = pieces?.[0]) {
        start += first.length;
        pieces?.shift();
        input.recycle?.(first);
      }
    },
    async read(signal) {
      const bytes = await input.read(signal);
      if (bytes) pieces?.push(bytes);
      if (file) await writeOut(file);
      return bytes;
    },
    recycle(piece) {
      if (pieces === undefined || file) input.recycle?.(piece);
    },
    letGo() {
      pieces = undefined;
    },
    async keepIn(spool) {
      file = spool;
      await writeOut(spool);
    },
  };

  async function writeOut(spool: SpoolFile): Promise<void> {
    const waiting = pieces ?? [];
    pieces = [];
    await spool.write(position, waiting);
    for (const { length } of waiting) position += length;
  }
}

type Begin = Extract<SendStreamEvent, { kind: 'begin' }>;

/** Where the stream of one snapshot begins and ends in a package, in bytes. */
interface Step {
  readonly start: number;
  readonly end: number;
}

async function packagedChanges(
  input: KeptBytes,
  events: StreamEvents,
  first: Begin,
  signal: AbortSignal | undefined,
): Promise<SentChanges> {
  const { name } = input;
  const spool = await openSpoolFile(name);
  try {
    await input.keepIn(spool);
    const { steps, stream, blockSize } = await readSteps(events, first, signal);
    await events.close();
    const layers = await Promise.all(
      steps.map((step) => stepLayer(name, spool, input.start, step, signal)),
    );
    const close = () => spool.close();
    const { fromGuid } = first.stream;
    return { name, layer: layered(layers), stream, fromGuid, blockSize, close };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

/** Reads a package to its end, which verifies all of it. */
async function readSteps(events: StreamEvents, first: Begin, signal: AbortSignal | undefined) {
  const steps: Step[] = [];
  let begin = first;
  let blockSize: number | undefined;
  for (let event = await events.next(signal); event; event = await events.next(signal)) {
    if (event.kind === 'begin') begin = event;
    else if (event.kind === 'block-size') blockSize = event.blockSize;
    else if (event.kind === 'end') steps.push({ start: begin.at, end: event.at });
    if (steps.length > MAX_STEPS) {
      const what = `${events.name} has more than ${MAX_STEPS} snapshots to put together`;
      throw new KexportError('unsupported', what, { hint: 'send fewer, or name an early one' });
    }
  }
  return { steps, stream: begin.stream, blockSize };
}

async function stepLayer(
  name: string,
  spool: SpoolFile,
  base: number,
  { start, end }: Step,
  signal: AbortSignal | undefined,
): Promise<Layer> {
  const bytes = fileStream(name, spool, {
    start: start - base,
    end: end - base,
    keepOpen: true,
    pieceSize: STEP_PIECE,
  });
  const events = await streamEvents(bytes, {});
  await events.next(signal); // its BEGIN
  return streamLayer(events);
}
