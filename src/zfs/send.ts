// Runs `zfs send` for the changes between two snapshots of a volume.

import { KexportError, option, wording } from '../errors.ts';
import { type ByteStream, byteStream } from '../byte-streams/byte-stream.ts';
import { nameInLinks } from './device.ts';
import { fullName, parseDatasetName } from './names.ts';
import { zfsOutput } from './run.ts';
import { findVolume } from './volume.ts';

// Sends blocks as they are stored: large ones whole (-L, which -c requires), compressed ones
// compressed (-c), embedded ones embedded (-e). So the kernel decompresses nothing, and little goes
// through the pipe. Not raw (-w): an encrypted volume would be sent as ciphertext.
const AS_THEY_LIE = ['-L', '-c', '-e'];

/**
 * Runs `zfs send -i FROM NAME`; `from` is `@SNAPSHOT`, `#BOOKMARK`, or either with the volume's
 * name before it. Reading throws a KexportError if the command fails; `close` ends it.
 */
export async function sendIncrement(
  name: string,
  from: string,
  signal: AbortSignal | undefined,
): Promise<ByteStream> {
  const to = parseDatasetName(nameInLinks(name) ?? name);
  if (to.snapshot === undefined) {
    throw new KexportError(
      'usage',
      wording`${option('incrementalFrom')} needs a snapshot to end at, and ${name} is not one`,
      {
        hint: `name one: ${name}@SNAPSHOT`,
      },
    );
  }
  const base = baseOf(to.dataset, from);
  await findVolume(to, signal);
  const output = await zfsOutput(['send', ...AS_THEY_LIE, '-i', base, fullName(to)]);
  const sent = byteStream(`zfs send -i ${base} ${fullName(to)}`, output.stdout);
  return {
    ...sent,
    async read(readSignal) {
      const bytes = await sent.read(readSignal);
      if (!bytes) await output.ended(readSignal);
      return bytes;
    },
    async peek(length, peekSignal) {
      const bytes = await sent.peek(length, peekSignal);
      if (bytes.length < length) await output.ended(peekSignal);
      return bytes;
    },
    async close() {
      await sent.close();
      output.stop();
    },
  };
}

/**
 * Returns `DATASET@SNAPSHOT` or `DATASET#BOOKMARK`. It must belong to that volume: an increment
 * from the origin of a clone is another kind of stream.
 */
function baseOf(dataset: string, from: string): string {
  const mark = from.search(/[@#]/);
  const given = from.slice(0, Math.max(mark, 0));
  if (mark === -1 || (given !== '' && given !== dataset)) {
    throw new KexportError('usage', `${from} is not a snapshot of ${dataset} to start from`, {
      hint: wording`name it as in ${option('incrementalFrom', '@SNAPSHOT')}`,
    });
  }
  const label = from.slice(mark + 1);
  parseDatasetName(`${dataset}@${label}`); // bookmarks follow the same rules
  return `${dataset}${from.charAt(mark)}${label}`;
}
