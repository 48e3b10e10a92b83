// A disk that changes while it is read would come out with blocks of different times.

import { statFile } from '../host/descriptors.ts';
import { qemuUse } from '../host/locks.ts';
import { KexportError, option, Warning, type Wording, wording } from '../errors.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';
import type { SourceOptions } from './source-options.ts';

/** The open files and devices that a disk is read from. */
export interface WatchedFiles {
  /**
   * Adds one, before it is read. Throws a KexportError if a running virtual machine may write to
   * it, or warns if the caller wants the disk as it is.
   */
  readonly add: (name: string, fd: number) => Promise<void>;
  /** The source, which does the same at its end if a file has been written to meanwhile. */
  watch(source: Source): Source;
}

interface WatchedFile {
  readonly name: string;
  readonly fd: number;
  readonly before: FileState;
}

interface FileState {
  readonly mtimeNs: bigint;
  readonly size: bigint;
}

/** Options of {@link watchedFiles}; `takeSnapshot: false` and `liveInconsistent` are consent. */
export type WatchOptions = Pick<SourceOptions, 'takeSnapshot' | 'liveInconsistent' | 'onWarning'>;

/** Watches none yet. */
export function watchedFiles(options: WatchOptions): WatchedFiles {
  const files: WatchedFile[] = [];
  return {
    async add(name, fd) {
      if ((await qemuUse(fd)) === 'write') {
        report(`${name} is in use: QEMU has it open for writing`, options);
      }
      const before = await statFile(fd, { bigint: true });
      if (before.isFile()) files.push({ name, fd, before });
    },
    watch: (source) =>
      withSource(source, {
        async next(buffer, signal) {
          const extent = await source.next(buffer, signal);
          if (!extent) await checkAll(files, options);
          return extent;
        },
      }),
  };
}

async function checkAll(files: readonly WatchedFile[], options: WatchOptions): Promise<void> {
  for (const { name, fd, before } of files) {
    const { mtimeNs, size } = await statFile(fd, { bigint: true });
    if (mtimeNs === before.mtimeNs && size === before.size) continue;
    report(`${name} was written to while it was read`, options);
  }
}

const REMEDY: Wording = wording`stop what writes to it, or read a snapshot; ${option('takeSnapshot', false)} takes it as it is`;

function report(found: string, { takeSnapshot, liveInconsistent, onWarning }: WatchOptions): void {
  const what = `${found}: what is read may be partly old and partly new`;
  if (takeSnapshot !== false && !liveInconsistent) {
    throw new KexportError('source', what, { hint: REMEDY });
  }
  onWarning?.(new Warning('inconsistent', what));
}
