import type { FileInput } from './file-input.ts';

/** A part of a file. In bytes. */
export interface FilePart {
  readonly start: number;
  readonly end: number;
  readonly isHole: boolean;
}

/** Divides a part of a file into data and holes. */
export async function* partsOf(
  input: FileInput,
  start: number,
  end: number,
): AsyncGenerator<FilePart, void, undefined> {
  let at = start;
  for (const data of (await input.dataIn?.(start, end)) ?? [{ start, end }]) {
    if (data.start > at) yield { start: at, end: data.start, isHole: true };
    yield { ...data, isHole: false };
    at = data.end;
  }
  if (end > at) yield { start: at, end, isHole: true };
}
