import type { Disk } from '../../formats/index.ts';
import { uuidOfDisk } from '../../formats/uuid.ts';
import type { Progress } from '../sources/progress.ts';
import type { Source } from '../sources/source.ts';
import type { EncodeMachineOptions, Identity } from './encode-options.ts';
import type { Target } from './image.ts';
import type { MachineDisk } from './machine-disk.ts';
import { prepareSource } from './prepare-source.ts';

/** A disk that can be read as every image has it. */
export interface PreparedDisk extends MachineDisk {
  /** The disk in the size that every format can have. */
  readonly source: Source;
  /** The disk that was given, whose size may be known only when `source` has ended. */
  readonly original: Source;
  /** What the formats get to know of it. */
  readonly disk: Disk;
  /** Reports on this disk. */
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Prepares every disk of a machine, before any is read. `open` has the sources that are open, and
 * is kept up to date.
 */
export async function prepareDisks(
  disks: readonly MachineDisk[],
  machines: readonly Target[],
  open: Set<Source>,
  options: EncodeMachineOptions & {
    readonly identity: Identity;
    readonly signal: AbortSignal;
  },
): Promise<PreparedDisk[]> {
  const { identity } = options;
  const prepared: PreparedDisk[] = [];
  for (const [index, given] of disks.entries()) {
    const { source: original, targets } = given;
    const formats = [...targets, ...machines].map(({ format }) => format);
    const onProgress = (state: Progress) =>
      options.onProgress?.(
        disks.length === 1 ? state : { ...state, disk: { number: index + 1, count: disks.length } },
      );
    open.delete(original); // closed if this fails
    const source = await prepareSource(original, formats, {
      ...options,
      onProgress,
      needsSize: machines.length > 0,
    });
    open.add(source);
    const { size, snapshotGuid } = source;
    const own = disks.length === 1 ? identity : identityOfDisk(identity, index);
    prepared.push({ ...given, source, original, disk: { ...own, size, snapshotGuid }, onProgress });
  }
  return prepared;
}

/** The identity of a machine: what is not given of it is new. */
export function identityOf({ identity }: EncodeMachineOptions): Identity {
  const given = Object.entries<unknown>(identity ?? {}).filter(([, value]) => value !== undefined);
  return { ...newIdentity(), ...Object.fromEntries(given) };
}

function identityOfDisk({ name, uuid, createdAt }: Identity, index: number): Identity {
  return { name: `${name}-${index + 1}`, uuid: uuidOfDisk(uuid, index), createdAt };
}

function newIdentity(): Identity {
  return { name: 'kexport', uuid: randomUuid(), createdAt: Math.floor(Date.now() / 1000) };
}

/** RFC 9562, section 5.4: random bits, apart from the version, 4, and the variant. */
function randomUuid(): Uint8Array {
  const uuid = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(uuid.buffer);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x40);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  return uuid;
}
