// A raw disk that comes through a pipe is sent on as a fixed VHD while it comes, through gzip.
//
//   ssh host cat /dev/vda | node pipe-to-writable.js disk.vhd.gz

import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { encode, sourceFrom, vhd, writableSink } from 'kexport';

const [path = 'disk.vhd.gz'] = process.argv.slice(2);
const gzip = createGzip();
const written = pipeline(gzip, createWriteStream(path));
written.catch(() => undefined); // where encode fails it ends gzip, and has the reason

const source = await sourceFrom(process.stdin, { name: 'standard input' });
await encode(source, [{ format: vhd(), sink: writableSink(gzip) }]);
await written;
