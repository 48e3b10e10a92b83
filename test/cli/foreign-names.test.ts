// Names of others reach the terminal without what would steer it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ova, qcow2 } from '../../formats/index.ts';
import { header } from '../../formats/qcow2/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { writeImage } from '../support/write-image.ts';

// An escape sequence, the same in one character, a line of its own, and text that runs backwards.
const NASTY = '\u001b[31m\u009b0m\nkexport: done\r\u202e';
const STEERING = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const DISK = diskWithBlocks(2 ** 20, [0]);

/** What the commands say of an image. */
function said(name: string, bytes: Uint8Array, ...commands: string[][]): string {
  const cwd = folderWith({ [name]: bytes });
  return commands
    .map((words) => kexport([...words, name], { cwd }))
    .map(({ stdout, stderr }) => stdout + stderr)
    .join('');
}

function expectPlain(text: string): void {
  expect(text).not.toMatch(STEERING);
  expect(text).not.toMatch(/^kexport: done/m);
}

/** A qcow2 that names a backing file. */
async function overlay(file: string): Promise<Buffer> {
  const { bytes } = await writeImage(qcow2(), DISK);
  const name = Buffer.from(file);
  const values = {
    ...header.decode(bytes),
    backingFileOffset: 4096n,
    backingFileSize: name.length,
  };
  bytes.set(header.encode(values));
  name.copy(bytes, 4096);
  return bytes;
}

describe('a name that steers a terminal is shown as question marks', () => {
  test('of a backing file', async () => {
    const image = await overlay(`a${NASTY}`);
    const text = said(
      'x.qcow2',
      image,
      ['info'],
      ['verify'],
      ['raw', '-o', '-'],
      ['info', '--json'],
    );
    expectPlain(text);
    expect(text).toContain('a?[31m?0m?kexport: done??');
  });

  test('of a machine, a file and a line of the manifest of an OVA', async () => {
    const { bytes } = await writeImage(ova(), DISK);
    const text = bytes.toString('latin1');
    const nasty = Buffer.from(NASTY).toString('latin1');
    for (const [from, length] of [
      [text.indexOf('<Name>') + 6, 6],
      [text.indexOf('ovf:href="') + 10, 20],
      [text.indexOf('SHA256('), 20],
    ] as const) {
      const changed = Buffer.from(bytes);
      changed.write(nasty.slice(0, length), from, 'latin1');
      expectPlain(said('x.ova', changed, ['info'], ['verify'], ['info', '--json']));
    }
  });

  test('of a file, in errors and reports', () => {
    const cwd = folderWith({ [`d${NASTY}`]: Buffer.alloc(1024, 1) });
    for (const words of [
      ['info', `d${NASTY}`],
      ['verify', `d${NASTY}`, '--against', `d${NASTY}`],
      ['raw', `d${NASTY}`, '-o', `x${NASTY}`],
      ['raw', `d${NASTY}`, '-o', `x${NASTY}`],
      ['raw', `d${NASTY}`, '--dry-run'],
      ['info', `nowhere${NASTY}`],
      [`x${NASTY}`, `d${NASTY}`],
    ]) {
      const { stdout, stderr } = kexport(words, { cwd });
      expectPlain(stdout + stderr);
    }
  });

  test('in the log', () => {
    const cwd = folderWith({ [`d${NASTY}`]: Buffer.alloc(1024, 1) });
    kexport(['raw', `d${NASTY}`, '-o', 'x.raw', '--log-file', 'log'], { cwd });
    expect(readFileSync(join(cwd, 'log'), 'utf8')).not.toMatch(STEERING);
  });
});

test('JSON stays the same, with escapes', async () => {
  const cwd = folderWith({});
  writeFileSync(join(cwd, 'x.qcow2'), await overlay(`a${NASTY}`));
  const { stdout } = kexport(['info', '--json', 'x.qcow2'], { cwd });
  expect(JSON.parse(stdout)).toMatchObject({ backing: { file: `a${NASTY}` } });
});
