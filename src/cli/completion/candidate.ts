/** A word that may stand where a command line ends. */
export interface Candidate {
  readonly word: string;
  readonly summary: string;
}
