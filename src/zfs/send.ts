// The stream of what has changed between two snapshots of a volume, from `zfs send` itself.

import { KexportError, option, wording } from '../errors.ts';
import { type ByteStream, byteStream } from '../byte-streams/byte-stream.ts';
import { nameInLinks } from './device.ts';
import { fullName, parseDatasetName } from './names.ts';
import { zfsOutput } from './run.ts';
import { findVolume } from './volume.ts';

// Blocks as they lie in the pool: large ones whole (-L), which -c takes, compressed ones compressed
// (-c), those within their pointers too (-e), so that the kernel unpacks nothing and little goes
// through the pipe. Not raw (-w): of an encrypted volume that would be ciphertext, which is no
// disk.
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
      wording`${option('incrementalFrom')} is up to a snapshot, ${name} is none`,
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
 * `DATASET@SNAPSHOT` or `DATASET#BOOKMARK`, which must be of that volume: a clone's origin is sent
 * otherwise.
 */
function baseOf(dataset: string, from: string): string {
  const mark = from.search(/[@#]/);
  const given = from.slice(0, Math.max(mark, 0));
  if (mark === -1 || (given !== '' && given !== dataset)) {
    throw new KexportError('usage', `${from} is no snapshot of ${dataset} to begin from`, {
      hint: wording`name it as in ${option('incrementalFrom', '@SNAPSHOT')}`,
    });
  }
  const label = from.slice(mark + 1);
  parseDatasetName(`${dataset}@${label}`); // a bookmark keeps the same rules
  return `${dataset}${from.charAt(mark)}${label}`;
}
