// The text in front of the grains: "The Descriptor File" of the specification.

import { SECTOR_SIZE } from '../contract.ts';
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

/** What a descriptor says of its image. */
export interface DescriptorFacts {
  readonly uuid: Uint8Array;
  /** Name of the file that the descriptor lies in. */
  readonly fileName: string;
  readonly capacitySectors: number;
  readonly adapterType: AdapterType;
}

/**
 * Encodes the descriptor: in ASCII, unless the name of the file is not. Throws a FormatError if it
 * cannot hold that name.
 *
 * Its order is that of VirtualBox (keys, extent, ddb), which does not accept indented lines either;
 * oslo.utils refuses any other kind of line.
 */
export function encodeDescriptor({
  uuid,
  fileName,
  capacitySectors,
  adapterType,
}: DescriptorFacts): Uint8Array {
  const contentId = contentIdOf(uuid);
  const essentials = `\
# Disk DescriptorFile
version=1
${isAscii(fileName) ? '' : 'encoding="UTF-8"\n'}CID=${contentId.slice(-8)}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW ${capacitySectors} SPARSE "${checkedName(fileName)}"

# The Disk Data Base
#DDB

ddb.adapterType = "${adapterType}"
`;
  // govmomi reads one sector and needs all of this in it.
  if (utf8(essentials).length > SECTOR_SIZE) {
    throw unsupported(`the name "${fileName}" makes the descriptor longer than a sector`);
  }
  return utf8(`\
${essentials}\
${geometryLines(capacitySectors, adapterType)}
ddb.longContentID = "${contentId}"
ddb.toolsVersion = "${UNMANAGED_TOOLS}"
ddb.uuid.image = "${uuidText(uuid)}"
ddb.uuid.modification = "${NO_UUID}"
ddb.uuid.parent = "${NO_UUID}"
ddb.uuid.parentmodification = "${NO_UUID}"
ddb.virtualHWVersion = "${VIRTUAL_HARDWARE_VERSION}"
`);
}

/**
 * libvmdk and The Sleuth Kit open the extent by its name, so it must be that of the file itself.
 * No reader knows an escape for a quotation mark.
 */
function checkedName(fileName: string): string {
  if (!/["/\\\p{Cc}]/u.test(fileName)) return fileName;
  throw unsupported(`a descriptor cannot hold the name ${JSON.stringify(fileName)}`);
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
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

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
