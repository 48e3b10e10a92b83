// What the page and its worker say to each other.

import type { FormatName } from '../../formats/index.ts';
import type { Line } from '../cli/print/lines.ts';
import type { Options } from '../cli/options/options.ts';
import type { BrowserFile } from '../sinks/browser-file.ts';
import type { Progress } from '../sources/progress.ts';

/** What the page asks for. */
export type Request = InspectRequest | ExportRequest | VerifyRequest;

/** What is this file, and what is on its disk? */
export interface InspectRequest {
  readonly kind: 'inspect';
  readonly file: File;
  readonly options: Options;
}

/** Make images of its disk. */
export interface ExportRequest {
  readonly kind: 'export';
  readonly file: File;
  /** The name of the images, without extension. */
  readonly name: string;
  readonly options: Options;
  readonly images: readonly WantedImage[];
}

/** Check an image, or compare its disk with another. */
export interface VerifyRequest {
  readonly kind: 'verify';
  readonly file: File;
  readonly against: File | undefined;
  readonly options: Options;
}

/** An image to make. */
export interface WantedImage {
  readonly format: FormatName;
  readonly fileName: string;
  /** Where the user wants it; undefined for a download. */
  readonly place: FilePlace | undefined;
}

/** A `FileSystemFileHandle`, as far as it is used. */
export interface FilePlace {
  createWritable(): Promise<BrowserFile>;
  getFile(): Promise<File>;
  /** Only in Chromium. */
  remove?(): Promise<void>;
}

/** A message to the worker. */
export type ToWorker =
  { readonly id: number; readonly request: Request } | { readonly cancel: number };

/** A message from the worker, about the request of that number. */
export type FromWorker = { readonly id: number } & Report;

/** What the worker says of a request. */
export type Report =
  | { readonly progress: Progress }
  | { readonly warning: string }
  | { readonly answer: Answer }
  | { readonly failure: Failure };

/** What a request has come to. */
export type Answer = Inspected | Exported | Verified;

/** The answer to `inspect`. Sizes in bytes. */
export interface Inspected {
  readonly kind: 'inspect';
  readonly lines: readonly Line[];
  /** Of each disk; empty where only reading all of the file would tell. */
  readonly disks: readonly InspectedDisk[];
}

/** A disk in a file. Sizes in bytes. */
export interface InspectedDisk {
  readonly name: string | undefined;
  readonly lines: readonly Line[];
  readonly size: number;
  readonly partitions: readonly DrawnPartition[];
  /** What share of each of {@link CELLS} equal parts of the disk is data, 0 to 255. */
  readonly cells: Uint8Array;
  /** Whether the cells are samples of the disk: its file does not say where it has data. */
  readonly isSampled: boolean;
}

/** Parts of a disk in its picture. */
export const CELLS = 240;

/** A partition in the picture of a disk. */
export interface DrawnPartition {
  readonly label: string;
  readonly diskOffset: number;
  readonly size: number;
}

/** The answer to `export`. */
export interface Exported {
  readonly kind: 'export';
  readonly images: readonly MadeImage[];
}

/** An image that was made. */
export interface MadeImage {
  readonly fileName: string;
  /** In bytes. */
  readonly size: number;
  /** Lower-case hexadecimal; undefined if the user cancelled while it was computed. */
  readonly sha256: string | undefined;
  /** To be downloaded; undefined if it is where the user wanted it. */
  readonly download: Blob | undefined;
}

/** The answer to `verify`. */
export interface Verified {
  readonly kind: 'verify';
  readonly isSound: boolean;
  readonly lines: readonly string[];
}

/** Why there is no answer. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}
