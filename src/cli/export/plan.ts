import type { Format } from '../../../formats/index.ts';
import type { Identity } from '../../export/encode-options.ts';

/** The files and formats to write, decided before anything is opened. */
export interface Plan {
  readonly identity: Pick<Identity, 'name' | 'createdAt'>;
  /** Those of one place together, in the order of the disks; those of all disks come last. */
  readonly outputs: readonly Output[];
  /** Path of the block map of each disk, if requested. */
  readonly bmaps: readonly string[];
  /** Path of SHA256SUMS, if requested. */
  readonly checksums: string | undefined;
  /** The same with other names; undefined if the names were requested. */
  readonly next?: () => Plan;
}

export interface Output {
  readonly format: Format;
  /** The index of the disk that it is of; undefined for an image of several disks. */
  readonly disk: number | undefined;
  /** A file, a device, `-`, or an address in a store without its secrets. */
  readonly path: string;
  /** The whole address in a store; undefined for what is on this machine. */
  readonly address: string | undefined;
  /** Name that the image's file has, in a zip archive too; undefined for `-`. */
  readonly fileName: string | undefined;
  /** Name of the image in the zip archive to write; undefined without --zip. */
  readonly zipEntry: string | undefined;
}
