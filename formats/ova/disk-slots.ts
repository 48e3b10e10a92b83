// Where the disks of a machine are attached: the first controller is filled, then the next.

import type { Profile } from './profile.ts';
import { unsupported } from './faults.ts';
import type { DiskController } from '../machine.ts';

/** The place of a disk. */
export interface DiskSlot {
  /** Number of the controller, from 0. */
  readonly controller: number;
  /** "AddressOnParent": the unit on a SCSI bus, the port of SATA, master and slave of IDE. */
  readonly address: number;
}

interface Room {
  /** How many controllers of its kind a machine has in VMware products. */
  readonly controllers: number;
  /** The addresses on each that a disk can have. */
  readonly addresses: readonly number[];
}

// VMware, "vSphere configuration maximums". Paravirtual controllers take 64 disks from hardware
// version 14 on, but other importers do not.
const SCSI: Room = { controllers: 4, addresses: upTo(16).filter((unit) => unit !== 7) }; // its own
const ROOM: Readonly<Record<DiskController, Room>> = {
  lsilogic: SCSI,
  lsilogicsas: SCSI,
  buslogic: SCSI,
  VirtualSCSI: SCSI,
  sata: { controllers: 4, addresses: upTo(30) },
  nvme: { controllers: 4, addresses: upTo(15) },
  ide: { controllers: 2, addresses: upTo(2) },
};

/** How many disks a machine can have. */
export function maxDisks(kind: DiskController, profile: Profile): number {
  return controllersOf(kind, profile) * ROOM[kind].addresses.length;
}

/** A slot for each disk, in their order. Throws a FormatError if there are not so many. */
export function slotsFor(count: number, kind: DiskController, profile: Profile): DiskSlot[] {
  const { addresses } = ROOM[kind];
  const slots = upTo(controllersOf(kind, profile)).flatMap((controller) =>
    addresses.map((address) => ({ controller, address })),
  );
  if (count <= slots.length) return slots.slice(0, count);
  const found = `the controllers ${kind} of a machine take ${slots.length} disks, not ${count}`;
  throw unsupported(profile === 'vmware' ? found : `${found}, in the profile ${profile}`);
}

// VirtualBox imports one controller of a kind, or both channels of IDE: ApplianceImplImport.cpp.
function controllersOf(kind: DiskController, profile: Profile): number {
  return profile === 'vmware' || kind === 'ide' ? ROOM[kind].controllers : 1;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
