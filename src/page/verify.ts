import { isSound, soundText } from '../cli/print/verdict.ts';
import { packedNamed } from '../images/image-kind.ts';
import { verifyImageFiles, verifySource } from '../images/verify.ts';
import { openImageFile, openSource } from '../open/open-in-browser.ts';
import type { Listeners } from './export.ts';
import { inspect } from './inspect.ts';
import type { Verified, VerifyRequest } from './protocol.ts';
import { sourceOptions } from './source-options.ts';

/** Answers `verify`: reads all of an image, as `kexport verify` does it. Throws a KexportError. */
export async function verify(
  { file, against, options }: VerifyRequest,
  { signal, onProgress }: Listeners,
): Promise<Verified> {
  const other = against && (await openSource(against, { signal }));
  const how = { signal, onProgress, threads: options.threads, against: other };
  const { disks } = await inspect(file, options);
  const { from, ovaDisk, internalSnapshot } = options;
  const isStream = disks.length === 0;
  const format = packedNamed(from) || from === 'zfs-send' ? undefined : from;
  const verdict = isStream
    ? await verifySource(await openSource(file, { ...sourceOptions(options), signal }), how)
    : await verifyImageFiles(
        await openImageFile(file, { from: format as undefined, ovaDisk, internalSnapshot, signal }),
        how,
      );
  const { problems, problemCount, differsAt } = verdict;
  const lines = problems.map(({ severity, message }) => `${severity}: ${message}`);
  if (problemCount > problems.length) lines.push(`and ${problemCount - problems.length} more`);
  if (differsAt !== undefined) {
    lines.push(`error: the disk differs from ${against?.name ?? ''} at byte ${differsAt}`);
  }
  if (isSound(verdict)) lines.push(`sound${soundText(verdict, against?.name ?? '')}`);
  return { kind: 'verify', isSound: isSound(verdict), lines };
}
