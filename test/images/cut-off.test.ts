// Images that end before their tables do.

import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { noise, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { run, testWith } from '../support/peers.ts';

/** What a table of a cluster of 512 bytes maps. */
const SPAN = 32_768;
const TABLES = 5120;
/** So many that the holes of the file have been looked up before. */
const FIRST_CUT_OFF = 4500;

testWith(['qemu-img'], 'a table past the end is no hole, however many there were before', () => {
  const cwd = temporaryFolder();
  const bytes = noise(512);
  const pieces = Array.from({ length: TABLES }, (_, i) => ({ offset: SPAN * i, bytes }));
  writeDisk(join(cwd, 'disk'), { size: SPAN * TABLES, pieces });
  const image = join(cwd, 'cut.qcow2');
  const how = ['-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=512', '-m', '1'];
  run('qemu-img', 'convert', ...how, join(cwd, 'disk'), image);
  const file = readFileSync(image);
  const table = file.readBigUInt64BE(Number(file.readBigUInt64BE(40)) + 8 * FIRST_CUT_OFF);
  truncateSync(image, Number(table & 0x00ff_ffff_ffff_fe00n));
  const { status, stderr } = kexport(['convert', 'cut.qcow2', 'raw', '-o', 'x.raw'], { cwd });
  expect(stderr).toMatch(/runs past the end of the image/);
  expect(status).toBe(1);
});
