// Decides which format an image is read as: the one that the user gives; else, for a regular file,
// the one of its name, if its first bytes agree. Never by the first bytes alone: a guest can write
// those of a raw disk.

import {
  type Format,
  type FormatName,
  FORMATS,
  ova,
  qcow2,
  raw,
  vma,
} from '../../formats/index.ts';
import { KexportError, option, type Wording, wording } from '../errors.ts';
import { shellWord } from '../host/shell-word.ts';
import { DMG, HEAD_SIZE, type ImageKind, imageKind } from './image-kind.ts';
import type { FileInput } from './file-input.ts';

const EXTENSIONS: Readonly<Record<string, FormatName>> = {
  qcow2: 'qcow2',
  qcow: 'qcow2',
  vhd: 'vhd',
  vpc: 'vhd',
  vhdx: 'vhdx',
  avhdx: 'vhdx', // checkpoints of Hyper-V
  vdi: 'vdi',
  vmdk: 'vmdk',
  ova: 'ova',
  vma: 'vma',
  'oci.tar': 'containerdisk',
  box: 'vagrant-libvirt', // or another provider's: its metadata says so
  ovf: 'ova', // not an archive: its disks are beside it
};

/** Names of formats that QEMU writes into images. */
const QEMU_NAMES: Readonly<Record<string, FormatName>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vpc: 'vhd',
  vhdx: 'vhdx',
  vdi: 'vdi',
  vmdk: 'vmdk',
};

/** Which disk of an image to read that has several. */
export interface DiskChoice {
  /** Of an OVA, by its id or its file; of a VMA, by its drive. Default: the first. */
  readonly ovaDisk?: string | undefined;
  /** Of a qcow2: as this snapshot has it, by its id or its name. Default: as it is now. */
  readonly internalSnapshot?: string | undefined;
}

/** The format of that name; `vhd-dynamic` and `vhd` are read alike. */
export function formatNamed(name: FormatName, choice: DiskChoice = {}): Format {
  if (name === 'qcow2') return qcow2({ internalSnapshot: choice.internalSnapshot });
  if (name === 'vma') return vma({ device: choice.ovaDisk });
  return name === 'ova' ? ova({ ovaDisk: choice.ovaDisk }) : FORMATS[name]();
}

/** Throws a KexportError if an image of that format has no snapshots to choose from. */
export function checkChoice(
  path: string,
  format: Format | undefined,
  { internalSnapshot }: DiskChoice,
): void {
  if (internalSnapshot === undefined || format?.name === 'qcow2') return;
  const needs = wording`${option('internalSnapshot', internalSnapshot)} needs a qcow2`;
  throw new KexportError('usage', wording`${needs}, and ${path} is not read as one`);
}

/** The facts that distinguish an image from a raw disk. */
export interface FileBegin {
  /** The first HEAD_SIZE bytes of the file. */
  readonly head: Uint8Array;
  /** Size of the file in bytes. */
  readonly size: number;
}

/**
 * The format of a regular file by its name; undefined for a raw disk. Throws a KexportError if its
 * first bytes contradict the name.
 */
export function formatOfFile(
  path: string,
  { head, size }: FileBegin,
  choice: DiskChoice = {},
): Format | undefined {
  const lower = path.toLowerCase();
  const known = Object.entries(EXTENSIONS).find(([end]) => lower.endsWith(`.${end}`));
  const [extension, name] = known ?? [];
  const format = name && formatNamed(name, choice);
  const begins = imageKind(head, size) ?? (lower.endsWith('.dmg') ? DMG : undefined);
  const agrees =
    name === 'ova'
      ? (begins?.isTar ?? (extension === 'ovf' && begins?.isText))
      : name !== undefined && isRead(begins?.format, name);
  if (begins === undefined || agrees) return format?.read ? format : undefined;
  const asRaw = option('from', 'raw');
  const readable = begins.format !== undefined && formatNamed(begins.format).read !== undefined;
  const hint = readable
    ? wording`say ${option('from', begins.format)} if it is that, ${asRaw} if it is a raw disk`
    : wording`${remedyOf(begins, path)}; if it is a raw disk after all, say ${asRaw}`;
  const found =
    begins === DMG ? `its name is that of ${DMG.title}` : `it begins like ${begins.title}`;
  throw format
    ? new KexportError('source', `the name of ${path} is that of ${format.name}, but ${found}`, {
        hint,
      })
    : new KexportError('source', `${path} is not a raw disk: ${found}`, { hint });
}

/** How to read a file of that kind. */
function remedyOf({ packed, remedyOfFile }: ImageKind, path: string): Wording {
  if (packed !== undefined) return wording`say ${option('from', packed)} for what is in it`;
  return remedyOfFile?.(shellWord(path)) ?? 'convert it to raw first';
}

/**
 * Whether an image that begins like the format `begins` may be read as `name`. Only a dynamic vhd
 * has a header to recognize.
 */
function isRead(begins: FormatName | undefined, name: FormatName): boolean {
  return begins === name || (begins === 'vhd-dynamic' && name === 'vhd');
}

/** The format of a backing file: the one that the overlay records, else the one of its name. */
export async function formatOfBacking(input: FileInput, told: string | undefined): Promise<Format> {
  if (told !== undefined) {
    const name = Object.hasOwn(QEMU_NAMES, told) ? QEMU_NAMES[told] : undefined;
    if (name) return formatNamed(name);
    throw new KexportError(
      'source',
      `${input.name}: a backing file of format "${told}" cannot be read`,
    );
  }
  const head = await input.read(0, Math.min(HEAD_SIZE, input.size));
  return formatOfFile(input.name, { head, size: input.size }) ?? raw();
}
