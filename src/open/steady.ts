// A disk that changes while it is read makes an image of no moment at all.

import { statFile } from '../host/descriptors.ts';
import { qemuUse } from '../host/locks.ts';
import { KexportError, option, Warning, type Wording, wording } from '../errors.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';
import type { SourceOptions } from './source-options.ts';

type Consent = Pick<SourceOptions, 'takeSnapshot' | 'liveInconsistent' | 'onWarning'>;

/**
 * Throws a KexportError if a running virtual machine may write to an open file or device; warns of
 * it if the caller wants the disk as it is.
 */
export async function checkUse(name: string, fd: number, consent: Consent): Promise<void> {
  if ((await qemuUse(fd)) !== 'write') return;
  report(`${name} is in use: QEMU has it open for writing`, consent);
}

/**
 * Throws a KexportError at the end of a source if the open file that it reads has been written to
 * meanwhile; or warns of it, as above.
 */
export async function steadySource(source: Source, fd: number, consent: Consent): Promise<Source> {
  const before = await statFile(fd, { bigint: true });
  return withSource(source, {
    async next(buffer, signal) {
      const extent = await source.next(buffer, signal);
      if (extent) return extent;
      const { mtimeNs, size } = await statFile(fd, { bigint: true });
      if (mtimeNs !== before.mtimeNs || size !== before.size) {
        report(`${source.name} was written to while it was read`, consent);
      }
      return undefined;
    },
  });
}

const EFFECT = 'the image would be partly old and partly new';
const REMEDY: Wording = wording`stop what writes to it, or export a snapshot; ${option('takeSnapshot', false)} takes it as it is`;

function report(what: string, { takeSnapshot, liveInconsistent, onWarning }: Consent): void {
  if (takeSnapshot !== false && !liveInconsistent) {
    throw new KexportError('source', `${what}: ${EFFECT}`, { hint: REMEDY });
  }
  onWarning?.(new Warning('inconsistent', `${what}: the image may be partly old and partly new`));
}
