// What the boxes of each provider hold.

import type { Format } from '../contract.ts';
import type { Machine } from '../machine.ts';
import { encodeOvf } from '../ova/encode-ovf.ts';
import {
  encodeLibvirtMetadata,
  encodeLibvirtVagrantfile,
  encodeVirtualboxMetadata,
  encodeVirtualboxVagrantfile,
  type LibvirtHardware,
} from './encode-texts.ts';
import { LIBVIRT_DISK, METADATA, VAGRANTFILE, VIRTUALBOX_DISK, VIRTUALBOX_OVF } from './layout.ts';
import type { BoxContents, SizedDisk } from './writer.ts';

/** A box for libvirt. */
export function libvirtBox(
  diskFormat: Format,
  machine: Machine,
  hardware: LibvirtHardware,
): BoxContents {
  return {
    diskFormat,
    diskName: LIBVIRT_DISK,
    texts: ({ size }) => [
      { name: METADATA, bytes: encodeLibvirtMetadata(size) },
      { name: VAGRANTFILE, bytes: encodeLibvirtVagrantfile(machine, hardware) },
    ],
  };
}

/** A box for VirtualBox: its OVF has VirtualBox's own description, without which EFI is BIOS. */
export function virtualboxBox(diskFormat: Format, machine: Machine): BoxContents {
  return {
    diskFormat,
    diskName: VIRTUALBOX_DISK,
    texts: (disk, fileSize) => [
      { name: METADATA, bytes: encodeVirtualboxMetadata() },
      { name: VAGRANTFILE, bytes: encodeVirtualboxVagrantfile(disk.uuid) },
      { name: VIRTUALBOX_OVF, bytes: encodeBoxOvf(disk, fileSize, machine) },
    ],
  };
}

/** The OVF, followed by white space up to the length that it has for the largest file. */
function encodeBoxOvf(
  { name, size: capacity, uuid }: SizedDisk,
  fileSize: number,
  machine: Machine,
): Uint8Array {
  const describe = (size: number) =>
    encodeOvf({
      name: machine.vmName ?? name,
      machine,
      profile: 'both',
      disks: [{ fileName: VIRTUALBOX_DISK, fileSize: size, capacity, uuid }],
    });
  const bytes = new Uint8Array(describe(Number.MAX_SAFE_INTEGER).length).fill(0x0a);
  bytes.set(describe(fileSize));
  return bytes;
}
