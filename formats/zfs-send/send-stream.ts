// Turns a send stream, or a package of them, into changes to the disk of one volume.

import { FormatError } from '../errors.ts';
import type { RunningChecksum } from './fletcher4.ts';
import { BEGIN, END } from './layout.ts';
import { type PackageFacts, packageFacts } from './decode-package.ts';
import { recordReader, type StreamRecord } from './record-reader.ts';
import { checkUsable, type StreamFacts, streamFacts } from './decode-begin.ts';
import { StreamRefusal } from './refusal.ts';
import type { Decompressors } from './decompress-block.ts';
import { type VolumeEvent, volumeEvents } from './volume-events.ts';

/** The disk to read from a package. */
export interface StreamChoice {
  /** `POOL/VOLUME`, the name on the sending side. Default: the only volume. */
  readonly volume?: string | undefined;
  /** Its snapshot, without `@`. Default: the last one of the package. */
  readonly snapshot?: string | undefined;
}

/** The streams of one volume, each based on the one before, up to the snapshot that is wanted. */
export type SendStreamEvent =
  | VolumeEvent
  | {
      /** A stream begins. */
      readonly kind: 'begin';
      /** What it says about itself. */
      readonly stream: StreamFacts;
      /** Where it begins in the bytes that were pushed. */
      readonly at: number;
      /** Whether it is the stream of the wanted snapshot; no other stream begins after it. */
      readonly isLast: boolean;
    };

/** A synchronous state machine: push bytes, then call `next` until it returns undefined. */
export interface SendStream {
  /** How many of the bytes are decoded: those of whole records. */
  readonly position: number;
  /** Adds bytes, which must not change until `next` has returned undefined. */
  push(bytes: Uint8Array): void;
  /**
   * The next event, valid as long as those bytes; undefined: it needs more. Throws a FormatError if
   * the stream is damaged, and a StreamRefusal if it cannot be used as requested.
   */
  next(): SendStreamEvent | undefined;
  /** Ends the bytes. Throws a FormatError if the stream is not complete. */
  end(): void;
}

/** Options of {@link sendStream}. */
export interface SendStreamOptions {
  /** Fletcher-4; for this stream alone. */
  readonly checksum: RunningChecksum;
  /** The decompressors. */
  readonly decompressors: Decompressors;
  /** The disk that is wanted. */
  readonly choice?: StreamChoice;
}

/** Reads the stream of a snapshot of a volume, or a package that has one. */
export function sendStream({
  checksum,
  decompressors,
  choice = {},
}: SendStreamOptions): SendStream {
  const records = recordReader(checksum);
  const selection = streamSelection(choice);
  /** Decodes the records of the current stream; undefined if it is not wanted. */
  let eventOf: ((record: StreamRecord) => VolumeEvent | undefined) | undefined;

  return {
    get position() {
      return records.position;
    },
    push: (bytes) => records.push(bytes),
    next() {
      for (let record = records.next(); record; record = records.next()) {
        if (record.ofPackage) {
          passPackage(record);
          continue;
        }
        const event = passStream(record);
        if (event) return event;
      }
      return undefined;
    },
    end() {
      records.end();
    },
  };

  function passPackage(record: StreamRecord): void {
    if (record.type === BEGIN) selection.beginPackage(packageFacts(record));
    else selection.passEnd();
  }

  function passStream(record: StreamRecord): SendStreamEvent | undefined {
    if (record.type !== BEGIN) {
      const event = eventOf?.(record);
      if (record.type === END) eventOf = undefined;
      return event;
    }
    const stream = streamFacts(record);
    const place = selection.place(stream);
    if (place === 'unwanted') return undefined;
    checkUsable(stream);
    eventOf = volumeEvents(stream, decompressors);
    return { kind: 'begin', stream, at: record.at, isLast: place === 'last' };
  }
}

interface StreamSelection {
  beginPackage(facts: PackageFacts): void;
  /** Whether a stream is wanted. Throws a StreamRefusal if the request does not fit it. */
  place(stream: StreamFacts): 'unwanted' | 'step' | 'last';
  /** Takes note of an END of the package itself. */
  passEnd(): void;
}

interface Wanted {
  readonly dataset: string;
  readonly snapshot: string;
  /** The guid of the snapshot; undefined if the package does not say. */
  readonly guid: bigint | undefined;
}

function streamSelection(choice: StreamChoice): StreamSelection {
  let contents: PackageFacts | undefined;
  let ends = 0;
  /** What is wanted from a package: by choice, or its first volume. */
  let wanted: Wanted | undefined;
  let previous: StreamFacts | undefined;
  let reached = false;
  /** Names of the snapshots so far, in a package without a list. */
  const passed: string[] = [];

  return {
    beginPackage(facts) {
      contents = facts;
      if (choice.volume !== undefined) wanted = want(facts, choice.volume);
    },
    place(stream) {
      if (!contents) {
        checkChoice(stream, choice);
        return 'last';
      }
      const dataset = datasetOf(stream.snapshot);
      if (!wanted && stream.isVolume) wanted = want(contents, dataset);
      if (wanted?.dataset !== dataset) {
        if (wanted && stream.isVolume && choice.volume === undefined) {
          throw new StreamRefusal(
            'volume',
            `the package has the volumes ${wanted.dataset} and ${dataset}`,
          );
        }
        return 'unwanted';
      }
      if (reached) return 'unwanted'; // a later snapshot
      checkOrder(stream);
      previous = stream;
      if (wanted.guid === undefined) passed.push(stream.snapshot.slice(dataset.length + 1));
      reached = isWanted(stream, wanted);
      return reached ? 'last' : 'step';
    },
    passEnd() {
      ends++;
      if (ends < 2) return;
      if (!wanted) {
        throw new StreamRefusal('file-system', 'the package has file systems only, no volume');
      }
      if (reached) return;
      if (wanted.guid === undefined) throw noSnapshot(wanted.dataset, wanted.snapshot, passed);
      const found = previous === undefined ? '' : `; its last one is that of ${previous.snapshot}`;
      const missing = `${wanted.dataset}@${wanted.snapshot}`;
      throw new StreamRefusal('snapshot', `the package has no stream of ${missing}${found}`);
    },
  };

  function want({ datasets, toSnapshot }: PackageFacts, name: string): typeof wanted {
    const dataset = datasets.find((candidate) => candidate.name === name);
    if (!dataset) {
      const names = datasets.map((candidate) => candidate.name);
      const found = `the package has no volume ${name}; it has ${names.join(', ') || 'none'}`;
      throw new StreamRefusal('volume', found);
    }
    const snapshot = choice.snapshot ?? toSnapshot ?? '';
    const { snapshots } = dataset;
    const guid = snapshots?.get(snapshot);
    if (snapshots && guid === undefined) throw noSnapshot(name, snapshot, [...snapshots.keys()]);
    return { dataset: name, snapshot, guid };
  }

  function checkOrder(stream: StreamFacts): void {
    if (!previous || stream.fromGuid === previous.guid) return;
    throw new FormatError(
      'damaged',
      `the stream of ${stream.snapshot} does not start from ${previous.snapshot}, the snapshot before it`,
    );
  }
}

function checkChoice({ snapshot }: StreamFacts, choice: StreamChoice): void {
  const dataset = datasetOf(snapshot);
  if (choice.volume !== undefined && choice.volume !== dataset) {
    throw new StreamRefusal(
      'volume',
      `the stream is of the volume ${dataset}, not ${choice.volume}`,
    );
  }
  if (choice.snapshot !== undefined && snapshot !== `${dataset}@${choice.snapshot}`) {
    const found = `the stream is of the snapshot ${snapshot}, not ${choice.snapshot}`;
    throw new StreamRefusal('snapshot', found);
  }
}

function isWanted(stream: StreamFacts, { dataset, snapshot, guid }: Wanted): boolean {
  return guid === undefined ? stream.snapshot === `${dataset}@${snapshot}` : stream.guid === guid;
}

function noSnapshot(dataset: string, wanted: string, names: readonly string[]): StreamRefusal {
  const what = `the package has no snapshot ${wanted} of ${dataset}; it has ${names.join(', ')}`;
  return new StreamRefusal('snapshot', what);
}

/** The dataset of a snapshot or a bookmark; without either, the name itself. */
function datasetOf(snapshot: string): string {
  return snapshot.split('@')[0] ?? snapshot;
}
