// A disk in memory becomes a qcow2 in memory; no file is touched.
//
//   node buffer-to-qcow2.js > disk.qcow2

import { encode, memorySink, qcow2, sourceFrom } from 'kexport';

const disk = Buffer.alloc(64 * 2 ** 20); // zeros take no space in the image
disk.write('at the start');
disk.write('in the middle', 40 * 2 ** 20);

const sink = memorySink();
await encode(await sourceFrom(disk), [{ format: qcow2(), sink }]);
process.stdout.write(sink.bytes());
