/** How far a run has come, in bytes of the disk. */
export interface Progress {
  /** What lies before it is done. */
  readonly diskOffset: number;
  /** Undefined while the source has not told its size. */
  readonly diskSize: number | undefined;
}
