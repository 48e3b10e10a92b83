// Opens a box: metadata.json -> the disk that the provider finds by its name.

import type { ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { qcow2 } from '../qcow2/index.ts';
import { readMembers, type TarMember } from '../tar/decode-tar.ts';
import { readMember } from '../tar/read-member.ts';
import { vmdk } from '../vmdk/index.ts';
import { damaged, unsupported } from './faults.ts';
import { LIBVIRT_DISK, METADATA } from './layout.ts';

/** Limit of this program. */
const MAX_METADATA = 2 ** 20;

/** Opens the disk of a box, or its first one. Rejects with a FormatError if there is none. */
export async function readBox(request: ReadRequest): Promise<ImageReader> {
  const members = await readMembers(request.input);
  const metadata = members.find(({ name }) => name === METADATA);
  if (!metadata) throw damaged(`the archive has no ${METADATA}`);
  const provider = await providerOf(request.input, metadata);
  const isLibvirt = provider === 'libvirt';
  if (!isLibvirt && provider !== 'virtualbox') {
    throw unsupported(`a box for ${JSON.stringify(provider)}, not for libvirt or virtualbox`);
  }
  const disk =
    members.find(({ name }) => isLibvirt && name === LIBVIRT_DISK) ??
    members.find(({ name }) => name.endsWith(isLibvirt ? '.img' : '.vmdk'));
  if (!disk) throw damaged(`the box for ${provider} has no disk`);
  const details = { provider };
  const diskFormat = isLibvirt ? qcow2() : vmdk();
  return readMember(request, disk, diskFormat, { format: `vagrant-${provider}`, details });
}

async function providerOf(input: ImageInput, { size, imageOffset }: TarMember): Promise<string> {
  if (size > MAX_METADATA) {
    throw unsupported(`${METADATA} has ${size} bytes, at most ${MAX_METADATA} are read`);
  }
  const text = new TextDecoder().decode(await input.read(imageOffset, size));
  try {
    const { provider = '' } = JSON.parse(text) as { provider?: unknown };
    return String(provider);
  } catch (cause) {
    throw damaged(`${METADATA} is not a JSON object`, { cause });
  }
}
