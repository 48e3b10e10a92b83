// Opens a box: metadata.json -> its first disk. VirtualBox has them in the order of box.ovf,
// libvirt in that of metadata.json, or one that it finds by its name.

import type { ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { archiveOf } from '../ova/archive.ts';
import { chooseDisk, readableDisk } from '../ova/disks.ts';
import { qcow2 } from '../qcow2/index.ts';
import { readMembers, type TarMember } from '../tar/decode-tar.ts';
import { readMember } from '../tar/read-member.ts';
import { vmdk } from '../vmdk/index.ts';
import { damaged, unsupported } from './faults.ts';
import { LIBVIRT_DISK, METADATA, VIRTUALBOX_OVF } from './layout.ts';

/** Limit of this program. */
const MAX_METADATA = 2 ** 20;

/** What the provider knows of the disks. */
interface BoxDisks {
  readonly first: TarMember;
  /** The names of all, in their order. */
  readonly names: readonly string[];
}

/** Opens the disk of a box, or its first one. Rejects with a FormatError if there is none. */
export async function readBox(request: ReadRequest): Promise<ImageReader> {
  const { input } = request;
  const members = await readMembers(input);
  const { provider, disks } = await readMetadata(input, members);
  const isLibvirt = provider === 'libvirt';
  if (!isLibvirt && provider !== 'virtualbox') {
    throw unsupported(`a box for ${JSON.stringify(provider)}, not for libvirt or virtualbox`);
  }
  const { first, names } = isLibvirt
    ? libvirtDisks(members, disks)
    : await virtualboxDisks(input, members);
  const details = { provider, ...(names.length > 1 && { disks: names }) };
  const diskFormat = isLibvirt ? qcow2() : vmdk();
  return readMember(request, first, diskFormat, { format: `vagrant-${provider}`, details });
}

/** vagrant-libvirt reads the files that "disks" lists, without that only LIBVIRT_DISK. */
function libvirtDisks(members: readonly TarMember[], disks: readonly string[]): BoxDisks {
  const [path] = disks;
  if (path === undefined) {
    const disk = members.find(({ name }) => name === LIBVIRT_DISK) ?? onlyDisk(members, '.img');
    return { first: disk, names: [disk.name] };
  }
  const first = members.find(({ name }) => name === path);
  if (!first)
    throw damaged(
      `${METADATA} lists the disk ${JSON.stringify(path)}, which is not in the archive`,
    );
  return { first, names: disks };
}

async function virtualboxDisks(
  input: ImageInput,
  members: readonly TarMember[],
): Promise<BoxDisks> {
  const ovf = members.find(({ name }) => name === VIRTUALBOX_OVF);
  if (!ovf) {
    const disk = onlyDisk(members, '.vmdk');
    return { first: disk, names: [disk.name] };
  }
  const { disks } = await archiveOf(input, members, ovf);
  const { member: first } = readableDisk(chooseDisk(disks, undefined));
  const names = disks.filter(({ isMedium }) => !isMedium).map(({ fileName }) => fileName);
  return { first, names };
}

/** Without an order, none of several is known to be the first. */
function onlyDisk(members: readonly TarMember[], end: string): TarMember {
  const found = members.filter(({ name }) => name.endsWith(end));
  const [disk] = found;
  if (!disk) throw damaged('the box has no disk');
  if (found.length === 1) return disk;
  const names = found.map(({ name }) => name).join(', ');
  throw unsupported(`the box does not say which of its disks is the first: ${names}`);
}

interface Metadata {
  readonly provider: string;
  /** The paths of "disks", if there are any. */
  readonly disks: readonly string[];
}

async function readMetadata(input: ImageInput, members: readonly TarMember[]): Promise<Metadata> {
  const member = members.find(({ name }) => name === METADATA);
  if (!member) throw damaged(`the archive has no ${METADATA}`);
  const { size, imageOffset } = member;
  if (size > MAX_METADATA) {
    throw unsupported(`${METADATA} has ${size} bytes, at most ${MAX_METADATA} are read`);
  }
  const text = new TextDecoder().decode(await input.read(imageOffset, size));
  const { provider = '', disks } = jsonObject(text);
  return { provider: String(provider), disks: Array.isArray(disks) ? disks.map(pathOf) : [] };
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const { ...properties } = JSON.parse(text) as Record<string, unknown>;
    return properties;
  } catch (cause) {
    throw damaged(`${METADATA} is not a JSON object`, { cause });
  }
}

/** The path of a disk without the `./` in front, as the names of members are. */
function pathOf(disk: unknown): string {
  const path = (disk as { path?: unknown } | null)?.path;
  return typeof path === 'string' ? path.replace(/^\.\//, '') : '';
}
