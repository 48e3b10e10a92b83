// Images as VirtualBox writes them, byte by byte and without our own layouts. Source: VirtualBox,
// src/VBox/Storage, VMDK.cpp, VHD.cpp and VDI.cpp. Odd in a VMDK: a descriptor without spaces in
// its data base, two directories and all tables in front, data from the boundary of a grain on. Odd
// in a VHD: bitmaps with only the sectors that were written.

const SECTOR = 512;
const GRAIN = 128; // sectors
const TABLE_GRAINS = 512;
const VHD_BLOCK = 2 ** 21;
const VDI_BLOCK = 2 ** 20;

/** UUIDs of an image. VirtualBox finds the parent of a snapshot by them alone. */
interface Uuids {
  readonly image: string;
  readonly modification: string;
  readonly parent: string;
  readonly parentModification: string;
}

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** A monolithicSparse VMDK of a disk of whole grains; grains of zeros are left out. */
export function virtualboxVmdk(disk: Buffer, uuids: Partial<Uuids> = {}): Buffer {
  const capacity = disk.length / SECTOR;
  const grainCount = capacity / GRAIN;
  const tableCount = Math.ceil(grainCount / TABLE_GRAINS);
  const tableSectors = (TABLE_GRAINS * 4) / SECTOR;
  const directorySectors = Math.ceil((tableCount * 4) / SECTOR);
  const directories = [21, 21 + directorySectors + tableCount * tableSectors];
  const metadata = directories[1]! + directorySectors + tableCount * tableSectors;
  const overHead = Math.ceil(metadata / GRAIN) * GRAIN;

  const front = Buffer.alloc(overHead * SECTOR);
  front.write('KDMV');
  front.writeUInt32LE(1, 4); // version
  front.writeUInt32LE(3, 8); // newline test, second directory
  const wide = [capacity, GRAIN, 1, 20]; // ..., the descriptor's first sector and sectors
  wide.forEach((value, i) => front.writeBigUInt64LE(BigInt(value), 12 + 8 * i));
  front.writeUInt32LE(TABLE_GRAINS, 44);
  const places = [...directories, overHead];
  places.forEach((value, i) => front.writeBigUInt64LE(BigInt(value), 48 + 8 * i));
  front.write('\n \r\n', 73);
  const extent = `RW ${capacity} SPARSE "box.vmdk"`;
  front.write(virtualboxDescriptor(extent, 'monolithicSparse', uuids), SECTOR);

  const grains: Buffer[] = [];
  for (const directory of directories) {
    const firstTable = directory + directorySectors;
    for (let i = 0; i < tableCount; i++) {
      front.writeUInt32LE(firstTable + i * tableSectors, directory * SECTOR + 4 * i);
    }
  }
  for (let i = 0; i < grainCount; i++) {
    const bytes = disk.subarray(i * GRAIN * SECTOR, (i + 1) * GRAIN * SECTOR);
    if (bytes.every((byte) => byte === 0)) continue;
    for (const directory of directories) {
      const entry = (directory + directorySectors) * SECTOR + 4 * i;
      front.writeUInt32LE(overHead + grains.length * GRAIN, entry);
    }
    grains.push(bytes);
  }
  return Buffer.concat([front, ...grains]);
}

/** A descriptor with that line for its extent. */
export function virtualboxDescriptor(
  extent: string,
  createType: string,
  {
    image = '8a5d7bb6-5a27-4f5a-a2c4-6b8f4c5f2d11',
    modification = NO_UUID,
    parent = NO_UUID,
    parentModification = NO_UUID,
  }: Partial<Uuids> = {},
): string {
  return `# Disk DescriptorFile
version=1
CID=61c3a2b4
parentCID=ffffffff
createType="${createType}"

# Extent description
${extent}

# The disk Data Base 
#DDB

ddb.virtualHWVersion = "4"
ddb.adapterType="ide"
ddb.geometry.cylinders="16"
ddb.geometry.heads="16"
ddb.geometry.sectors="63"
ddb.uuid.image="${image}"
ddb.uuid.parent="${parent}"
ddb.uuid.modification="${modification}"
ddb.uuid.parentmodification="${parentModification}"
ddb.geometry.biosCylinders="1"
ddb.geometry.biosHeads="255"
ddb.geometry.biosSectors="63"
ddb.comment=""
`;
}

/** A dynamic VHD of a disk of whole sectors. */
export function virtualboxVhd(disk: Buffer): Buffer {
  const blockCount = Math.ceil(disk.length / VHD_BLOCK);
  const table = Buffer.alloc(Math.ceil((blockCount * 4) / SECTOR) * SECTOR, 0xff);
  const footer = vhdFooter(disk.length);
  const header = vhdHeader(blockCount);
  let end = footer.length + header.length + table.length;
  const blocks: Buffer[] = [];
  for (let i = 0; i < blockCount; i++) {
    const bytes = disk.subarray(i * VHD_BLOCK, (i + 1) * VHD_BLOCK);
    if (bytes.every((byte) => byte === 0)) continue;
    const block = Buffer.alloc(SECTOR + VHD_BLOCK); // VHD_BLOCK / SECTOR bits fill a sector
    bytes.copy(block, SECTOR);
    for (let at = 0; at < bytes.length; at += SECTOR) {
      if (bytes.subarray(at, at + SECTOR).every((byte) => byte === 0)) continue;
      const bit = at / SECTOR;
      block[bit >> 3] = block[bit >> 3]! | (0x80 >> (bit % 8));
    }
    table.writeUInt32BE(end / SECTOR, 4 * i);
    blocks.push(block);
    end += block.length;
  }
  return Buffer.concat([footer, header, table, ...blocks, footer]);
}

function vhdFooter(size: number): Buffer {
  const footer = Buffer.alloc(SECTOR);
  footer.write('conectix');
  footer.writeUInt32BE(2, 8); // features: reserved, always set
  footer.writeUInt32BE(0x0001_0000, 12);
  footer.writeBigUInt64BE(512n, 16); // the header
  footer.writeUInt32BE(800_000_000, 24);
  footer.write('vbox', 28);
  footer.writeUInt32BE(0x0007_0000, 32);
  footer.write('Wi2k', 36);
  footer.writeBigUInt64BE(BigInt(size), 40);
  footer.writeBigUInt64BE(BigInt(size), 48);
  footer.writeUInt16BE(240, 56); // cylinders; the geometry holds a little less than the fixture
  footer.writeUInt8(4, 58);
  footer.writeUInt8(17, 59);
  footer.writeUInt32BE(3, 60); // dynamic
  footer.write('8a5d7bb65a274f5a', 68, 'latin1');
  return sealed(footer, 64);
}

function vhdHeader(blockCount: number): Buffer {
  const header = Buffer.alloc(2 * SECTOR);
  header.write('cxsparse');
  header.fill(0xff, 8, 16);
  header.writeBigUInt64BE(1536n, 16);
  header.writeUInt32BE(0x0001_0000, 24);
  header.writeUInt32BE(blockCount, 28);
  header.writeUInt32BE(VHD_BLOCK, 32);
  return sealed(header, 36);
}

/** Puts the checksum there, the one's complement of the sum of all bytes. */
function sealed(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt32BE(~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0, at);
  return bytes;
}

/** A dynamic VDI of a disk with only those blocks of 1 MiB, in the order of their first writes. */
export function virtualboxVdi(disk: Buffer, blocks: readonly number[]): Buffer {
  const blockCount = Math.ceil(disk.length / VDI_BLOCK);
  const front = Buffer.alloc(2 * VDI_BLOCK);
  front.write('<<< Oracle VM VirtualBox Disk Image >>>\n');
  const numbers: readonly (readonly [offset: number, value: number])[] = [
    [64, 0xbeda_107f],
    [68, 0x1_0001],
    [72, 0x190],
    [76, 1], // dynamic
    [340, VDI_BLOCK], // the map
    [344, 2 * VDI_BLOCK], // the data
    [360, SECTOR],
    [376, VDI_BLOCK],
    [384, blockCount],
    [388, blocks.length],
    [468, SECTOR],
  ];
  for (const [offset, value] of numbers) front.writeUInt32LE(value, offset);
  front.writeBigUInt64LE(BigInt(disk.length), 368);
  front.write('b67b5d8a275a5a4fa2c46b8f4c5f2d11', 392, 'hex'); // its own UUID
  front.write('0ba1c5de9f1e4b4f8e0d6a2b3c4d5e6f', 408, 'hex'); // of its last write
  front.fill(0xff, VDI_BLOCK, VDI_BLOCK + 4 * blockCount);
  blocks.forEach((block, place) => front.writeUInt32LE(place, VDI_BLOCK + 4 * block));
  const data = blocks.map((block) => {
    const whole = Buffer.alloc(VDI_BLOCK);
    disk.copy(whole, 0, block * VDI_BLOCK);
    return whole;
  });
  return Buffer.concat([front, ...data]);
}
