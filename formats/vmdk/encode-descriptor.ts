// The text in front of the grains: "The Descriptor File" of the specification.

import { type Disk, SECTOR_SIZE } from '../contract.ts';
import { hexDigits, uuidText } from '../uuid.ts';
import { unsupported } from './faults.ts';

/** Disk controllers that a descriptor can name; `pvscsi` is not one of them. */
export type AdapterType = 'ide' | 'buslogic' | 'lsilogic' | 'legacyESX';

// The most cylinders of ATA, and of VMware's IDE disks.
const MAX_IDE_CYLINDERS = 16_383;

// VMware's number for tools that the guest's distribution provides (open-vm-tools).
const UNMANAGED_TOOLS = 2_147_483_647;

// Obsolete; ESX 3 and older read it.
const VIRTUAL_HARDWARE_VERSION = 4;

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * Encodes the descriptor, in ASCII. Throws a FormatError if it cannot hold the name of the disk.
 *
 * Its order is that of VirtualBox (keys, extent, ddb), which does not accept indented lines either;
 * oslo.utils refuses any other kind of line.
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
  // govmomi reads one sector and needs all of this in it.
  if (essentials.length > SECTOR_SIZE) {
    const found = `the name "${disk.name}" makes the descriptor longer than a sector`;
    throw unsupported(found);
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

/** The name of the file itself, by which libvmdk opens the extent; oslo.utils refuses paths. */
function extentName(diskName: string): string {
  if (!/^[\w.-]+$/.test(diskName)) {
    throw unsupported(
      `the name "${diskName}" has characters other than letters, digits, ".", "_", "-"`,
    );
  }
  return `${diskName}.vmdk`;
}

/**
 * 32 hexadecimal digits, of which the last 8 are the CID. The CID ffffffff means none and fffffffe
 * that only the long one counts, so their last but one bit is cleared.
 */
function contentIdOf(uuid: Uint8Array): string {
  return hexDigits(uuid).replace(/fffffff[ef]$/, (end) =>
    end.endsWith('f') ? 'fffffffd' : 'fffffffc',
  );
}

/** The geometry of the BIOS: VMware's 255 heads for SCSI, ATA's 16 for IDE; whole cylinders. */
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
