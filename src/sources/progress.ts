/**
 * What a run is doing. In bytes of the disk: `spooling`, reading a disk of unknown size into a
 * temporary file; `writing` the images; `verifying`, reading a disk to check it. In bytes of one
 * image: `sending` it from a temporary file to a pipe, `syncing` it to its storage, and `hashing`.
 */
export type Phase = 'spooling' | 'writing' | 'sending' | 'syncing' | 'hashing' | 'verifying';

/** How far a phase of a run has come. */
export interface Progress {
  /** What the run is doing. */
  readonly phase: Phase;
  /** Format of the image in work; undefined if it is all of them, or none. */
  readonly format?: string | undefined;
  /** Which of several disks; undefined for an export of one, and for the image of all. */
  readonly disk?: DiskNumber | undefined;
  /** In bytes; 0 until the end for a phase that does not say, which is `syncing`. */
  readonly done: number;
  /** In bytes; undefined while the source does not know its size. */
  readonly total: number | undefined;
  /** Bytes that stores have, of all images; undefined if none goes to one. */
  readonly sent?: number | undefined;
  /** Requests to stores that were sent again. */
  readonly retries?: number | undefined;
}

/** The place of a disk among several. */
export interface DiskNumber {
  /** From 1. */
  readonly number: number;
  /** Of all disks of the machine. */
  readonly count: number;
}

/** Called with the progress of a run; the phases of several images take turns. */
export type OnProgress = (progress: Progress) => void;
