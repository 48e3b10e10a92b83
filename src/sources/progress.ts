/** Progress of reading a disk, in bytes. */
export interface Progress {
  /** Everything before this offset is done. */
  readonly diskOffset: number;
  /** Undefined while the size of the source is not known. */
  readonly diskSize: number | undefined;
}
