import { compareDisks, type CompareOptions } from '../images/compare-disks.ts';
import type { Problem } from '../../formats/index.ts';
import { damagedToProblem, type Verdict } from '../images/verify.ts';
import type { SentVerdict } from './sent-verdict.ts';
import { openSent, openSource } from './open-source.ts';
import type { CommonOptions, FromFormat } from './source-options.ts';
import { describeStream, type StreamDescription } from '../zfs-send/describe.ts';

export interface VerifySentOptions
  extends CompareOptions, Pick<CommonOptions, 'connections' | 'endpoint'> {
  /**
   * The disk that the one in the stream must equal, apart from zeros at the end of the longer one.
   */
  readonly against?: string | undefined;
  readonly againstFrom?: FromFormat | undefined;
}

/**
 * Reads a zfs send stream, or a package, to its end and checks that every checksum matches and
 * every block can be decompressed. With `against`, compares its disk instead. Throws a KexportError
 * if something cannot be read, or the stream has no disk.
 */
export async function verifySent(name: string, options: VerifySentOptions): Promise<SentVerdict> {
  const problems: Problem[] = [];
  let streams: readonly StreamDescription[] | undefined;
  let compared: Pick<Verdict, 'diskSize' | 'otherSize' | 'differsAt'> | undefined;
  await damagedToProblem(
    (problem) => problems.push(problem),
    async () => {
      const { against } = options;
      if (against === undefined) streams = await readAll(name, options);
      else compared = await compare(name, against, options);
    },
  );
  const { diskSize, otherSize, differsAt } = compared ?? {};
  const { length: problemCount } = problems;
  return { problems, problemCount, diskSize, otherSize, differsAt, notOpened: [], streams };
}

async function readAll(
  name: string,
  { connections, endpoint, signal }: VerifySentOptions,
): Promise<StreamDescription[]> {
  const input = await openSent(name, { connections, endpoint, signal });
  return describeStream(input, { signal, unpack: true });
}

async function compare(name: string, other: string, options: VerifySentOptions) {
  const { signal, againstFrom, connections, endpoint } = options;
  const store = { connections, endpoint, signal };
  const against = await openSource(other, { from: againstFrom, ...store });
  try {
    const source = await openSource(name, { from: 'zfs-send', ...store });
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
