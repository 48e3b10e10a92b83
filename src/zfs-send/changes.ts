// What a send stream changes: of a single one as it comes, of a package with several streams of the
// volume once all of it has come, from a spool file.

import type { SendStreamEvent, StreamChoice, StreamFacts } from '../../formats/zfs-send/index.ts';
import { KexportError } from '../errors.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { fileStream } from '../byte-streams/file-stream.ts';
import { openSpoolFile, type SpoolFile } from '../host/spool-file.ts';
import { type StreamEvents, streamEvents } from './events.ts';
import { type Layer, layered, streamLayer } from './layer.ts';

/**
 * Limit of this program on the snapshots of one package: each is read at the same time as all
 * others.
 */
const MAX_STEPS = 256;
/** Bytes of each that are read at once. */
const STEP_PIECE = 1 << 16;

/** What a send stream does to the disk of its volume. */
export interface SentChanges {
  /** What people call the stream. Shown in messages. */
  readonly name: string;
  /** The changes, to be read once. */
  readonly layer: Layer;
  /** Of the snapshot that it leads to. */
  readonly stream: StreamFacts;
  /** The snapshot that it builds upon; undefined for a full stream. */
  readonly fromGuid: bigint | undefined;
  /**
   * Of the volume, in bytes; undefined where the stream does not tell it before its first change.
   */
  readonly blockSize: number | undefined;
  /** Lets go of the stream; called once. */
  close(): Promise<void>;
}

/**
 * Reads the beginning of a stream, or all of a package that has several streams of the volume. The
 * caller closes `input` if this throws.
 */
export async function sentChanges(
  input: ByteStream,
  options: StreamChoice & { readonly signal?: AbortSignal | undefined },
): Promise<SentChanges> {
  const { name } = input;
  const { signal } = options;
  const kept = keptBytes(input);
  const events = await streamEvents(kept, options);
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
 * Bytes that are kept as they are read, in memory until it is clear whether they are needed again.
 */
interface KeptBytes extends ByteStream {
  /** Keeps no more. */
  letGo(): void;
  /** Keeps all in a file from now on, also what was read before. */
  keepIn(spool: SpoolFile): Promise<void>;
}

function keptBytes(input: ByteStream): KeptBytes {
  let pieces: Buffer[] | undefined = [];
  let file: SpoolFile | undefined;
  let position = 0;

  return {
    ...input,
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

/** Where the stream of a snapshot lies in a package. */
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
    const layers = await Promise.all(steps.map((step) => stepLayer(name, spool, step, signal)));
    const close = () => spool.close();
    const { fromGuid } = first.stream;
    return { name, layer: layered(layers), stream, fromGuid, blockSize, close };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

/** Reads a package to its end, and so verifies all of it. */
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
  { start, end }: Step,
  signal: AbortSignal | undefined,
): Promise<Layer> {
  const bytes = fileStream(name, spool, { start, end, keepOpen: true, pieceSize: STEP_PIECE });
  const events = await streamEvents(bytes, {});
  await events.next(signal); // its BEGIN
  return streamLayer(events);
}
