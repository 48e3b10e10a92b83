/** How far a run has come, in bytes of the disk. */
export interface Progress {
  readonly diskOffset: number;
  /** Undefined while the source has not told its size. */
  readonly diskSize: number | undefined;
}
