import type { ImageInput } from '../contract.ts';
import { decodeOvf, MAX_OVF_SIZE, type OvfMachine } from './decode-ovf.ts';
import { readMembers, type TarMember } from '../tar/decode-tar.ts';
import { disksOf, type FoundDisk, memberTables, type MemberTables } from './disks.ts';
import { damaged, unsupported } from './faults.ts';

/** An OVA whose members and whose OVF have been read. */
export interface Archive {
  readonly members: readonly TarMember[];
  readonly ovf: TarMember;
  readonly machine: OvfMachine;
  /** The disks of the machine that are not empty, also those that are not in the archive. */
  readonly disks: readonly FoundDisk[];
  /** Limits what it takes to open all of them. */
  readonly tables: MemberTables;
}

/** Reads an OVA except for its disks. Rejects with a FormatError if it is not an OVA. */
export async function readArchive(input: ImageInput): Promise<Archive> {
  const members = await readMembers(input);
  const ovf = members.find(({ name }) => name.endsWith('.ovf'));
  if (!ovf) throw damaged(`the archive has ${members.length} members, but no .ovf`);
  return archiveOf(input, members, ovf);
}

/** The same of members that were read, one of which is the OVF. */
export async function archiveOf(
  input: ImageInput,
  members: readonly TarMember[],
  ovf: TarMember,
): Promise<Archive> {
  if (ovf.size > MAX_OVF_SIZE) {
    throw unsupported(`${ovf.name} has ${ovf.size} bytes, at most ${MAX_OVF_SIZE} can be read`);
  }
  const machine = decodeOvf(await input.read(ovf.imageOffset, ovf.size));
  return { members, ovf, machine, disks: disksOf(machine, members), tables: memberTables() };
}
