// Prints a file of the FAT16 file system in an image, of which only the bytes needed are read.
//
//   node read-file-in-image.js disk.vmdk HELLO.TXT

import { imageInfo, openSource, readDisk } from 'kexport';

const [image = 'disk.vmdk', name = 'HELLO.TXT'] = process.argv.slice(2);
const { disk: found } = await imageInfo(image);
const start = found?.table.partitions[0]?.diskOffset ?? 0; // of a disk without partitions, all

await using disk = await openSource(image);
const read = async (diskOffset: number, length: number) =>
  Buffer.from(await readDisk(disk, diskOffset, length));

// The BIOS parameter block, and what it says the places of.
const boot = await read(start, 512);
const sectorSize = boot.readUInt16LE(11);
const clusterSize = boot.readUInt8(13) * sectorSize;
const tableStart = start + boot.readUInt16LE(14) * sectorSize;
const rootStart = tableStart + boot.readUInt8(16) * boot.readUInt16LE(22) * sectorSize;
const rootSize = boot.readUInt16LE(17) * 32;

const [base = '', extension = ''] = name.split('.');
const entryName = base.padEnd(8) + extension.padEnd(3);
const root = await read(rootStart, rootSize);
let at = 0;
while (at < rootSize && root.toString('latin1', at, at + 11) !== entryName) at += 32;
if (at === rootSize) throw new Error(`${image} has no ${name}`);

let cluster = root.readUInt16LE(at + 26);
for (let left = root.readUInt32LE(at + 28); left > 0; left -= clusterSize) {
  const place = rootStart + rootSize + (cluster - 2) * clusterSize;
  process.stdout.write(await read(place, Math.min(left, clusterSize)));
  cluster = (await read(tableStart + 2 * cluster, 2)).readUInt16LE(0);
}
