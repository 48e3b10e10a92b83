// The text in front of the grains that tells what they are: "The Descriptor File" of the specification.

import { type Disk, SECTOR_SIZE } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { hex, uuidText } from '../uuid.ts';

/** The disk controller that VMware plans for the disk. A descriptor has no other; `pvscsi` is not one of them. */
export type AdapterType = 'ide' | 'buslogic' | 'lsilogic' | 'legacyESX';

// ATA counts cylinders up to here, and so do VMware's IDE disks.
const MAX_IDE_CYLINDERS = 16_383;

// VMware's number for guest tools that the guest's own distribution provides (open-vm-tools).
const UNMANAGED_TOOLS = 2_147_483_647;

// Obsolete; ESX 3 and older read it.
const VIRTUAL_HARDWARE_VERSION = 4;

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * The descriptor as ASCII. Throws a FormatError if the disk's name cannot stand in it.
 *
 * Its order is VirtualBox's (keys, extent, ddb), which does not take indented lines either; oslo.utils refuses any
 * other kind of line.
 */
export function encodeDescriptor(
  disk: Pick<Disk, 'name' | 'uuid'>,
  capacitySectors: number,
  adapterType: AdapterType,
): Uint8Array {
  const contentId = contentIdOf(disk.uuid);
  const essentials = `\
# Disk DescriptorFile
version=1
CID=${contentId.slice(-8)}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW ${capacitySectors} SPARSE "${extentName(disk.name)}"

# The Disk Data Base
#DDB

ddb.adapterType = "${adapterType}"
`;
  // govmomi reads one sector and wants all of this in it.
  if (essentials.length > SECTOR_SIZE) {
    throw new FormatError(
      'unsupported',
      `vmdk: the name "${disk.name}" is too long for the descriptor`,
    );
  }
  return asciiBytes(`\
${essentials}\
${geometryLines(capacitySectors, adapterType)}
ddb.longContentID = "${contentId}"
ddb.toolsVersion = "${UNMANAGED_TOOLS}"
ddb.uuid.image = "${uuidText(disk.uuid)}"
ddb.uuid.modification = "${NO_UUID}"
ddb.uuid.parent = "${NO_UUID}"
ddb.uuid.parentmodification = "${NO_UUID}"
ddb.virtualHWVersion = "${VIRTUAL_HARDWARE_VERSION}"
`);
}

/** libvmdk opens the extent by this name, so it is the file's own; oslo.utils refuses paths. */
function extentName(diskName: string): string {
  if (!/^[\w.-]+$/.test(diskName)) {
    throw new FormatError(
      'unsupported',
      `vmdk: the name "${diskName}" has more than letters, digits, ".", "_", "-"`,
    );
  }
  return `${diskName}.vmdk`;
}

/**
 * 32 hexadecimal digits, of which the last 8 are the CID. The CID ffffffff means none, fffffffe that only the long
 * one counts; a uuid that ends so has its last but one bit cleared.
 */
function contentIdOf(uuid: Uint8Array): string {
  return hex(uuid).replace(/fffffff[ef]$/, (end) => (end.endsWith('f') ? 'fffffffd' : 'fffffffc'));
}

/** How the BIOS counts the disk: VMware's 255 heads for SCSI, ATA's 16 for IDE, whole cylinders, at least one. */
function geometryLines(capacitySectors: number, adapterType: AdapterType): string {
  const [heads, mostCylinders] = adapterType === 'ide' ? [16, MAX_IDE_CYLINDERS] : [255, Infinity];
  const sectors = 63;
  const cylinders = Math.min(Math.floor(capacitySectors / (heads * sectors)), mostCylinders);
  return `\
ddb.geometry.cylinders = "${Math.max(cylinders, 1)}"
ddb.geometry.heads = "${heads}"
ddb.geometry.sectors = "${sectors}"`;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
