import { compareDisks, type CompareOptions } from '../images/compare-disks.ts';
import type { Problem } from '../../formats/index.ts';
import { damagedToProblem, type Verdict } from '../images/verify.ts';
import { openSent, openSource } from './open-source.ts';
import type { FromFormat } from './source-options.ts';
import { describeStream, type StreamDescription } from '../zfs-send/describe.ts';

/** What became of a check. */
export interface SentVerdict extends Verdict {
  /** The streams that were read; undefined where that failed, or where a disk was compared. */
  readonly streams: readonly StreamDescription[] | undefined;
}

export interface VerifySentOptions extends CompareOptions {
  /** A disk that the stream's must be, but for zeros at the end of the longer one. */
  readonly against?: string | undefined;
  readonly againstFrom?: FromFormat | undefined;
}

/**
 * Reads a zfs send stream, or a package, to its end: every checksum must match, every block unpack.
 * With `against`, the disk that it stands for is compared too. Throws a KexportError where
 * something cannot be read, or there is no such disk.
 */
export async function verifySent(name: string, options: VerifySentOptions): Promise<SentVerdict> {
  const problems: Problem[] = [];
  let streams: readonly StreamDescription[] | undefined;
  let compared: Pick<Verdict, 'diskSize' | 'otherSize' | 'differsAt'> | undefined;
  await damagedToProblem(
    (problem) => problems.push(problem),
    async () => {
      const { against } = options;
      if (against === undefined) streams = await readAll(name, options.signal);
      else compared = await compare(name, against, options);
    },
  );
  const { diskSize, otherSize, differsAt } = compared ?? {};
  const { length: problemCount } = problems;
  return { problems, problemCount, diskSize, otherSize, differsAt, notOpened: [], streams };
}

async function readAll(
  name: string,
  signal: AbortSignal | undefined,
): Promise<StreamDescription[]> {
  return describeStream(await openSent(name, { signal }), { signal, unpack: true });
}

async function compare(name: string, other: string, options: VerifySentOptions) {
  const { signal, againstFrom } = options;
  const against = await openSource(other, { from: againstFrom, signal });
  try {
    const source = await openSource(name, { from: 'zfs-send', signal });
    try {
      const differsAt = await compareDisks(source, against, options);
      return { diskSize: source.size, otherSize: against.size, differsAt };
    } finally {
      await source.close();
    }
  } finally {
    await against.close();
  }
}
