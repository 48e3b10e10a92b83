import { basename } from 'node:path';
import type { Outputs } from './outputs.ts';

/**
 * Writes SHA256SUMS, in the form that `sha256sum -c` reads, of the images that were finished; it
 * has no name yet.
 */
export async function writeChecksums({ checksums }: Outputs): Promise<void> {
  if (!checksums) return;
  const { sink, files } = checksums;
  const lines = files
    .filter(({ sha256 }) => sha256 !== undefined)
    .map(({ name, sha256 }) => `${sha256 ?? ''}  ${basename(name)}\n`);
  const text = Buffer.from(lines.join(''));
  const { signal } = new AbortController(); // a line for each image: there is nothing to wait for
  await sink.write(0, [text], signal);
  await sink.finish(text.length, signal);
}
