import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundled } from '../support/built.ts';
import { noise } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexportOk } from '../support/kexport.ts';
import { run, runIn } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

describe('kexport.mjs', () => {
  test('makes what the package makes, with nothing beside it', () => {
    const folder = temporaryFolder();
    copyFileSync(bundled('kexport.mjs'), join(folder, 'kexport.mjs'));
    const words = ['qcow2,raw,vdi,ova', BOOT_DISK, '--zip', '--threads', '2'];
    runIn(folder, './kexport.mjs', ...words, '-q', '--name', 'alone');
    kexportOk(folder, ...words, '--name', 'package');
    runIn(folder, 'cmp', 'alone.qcow2', 'package.qcow2');
    const images = ['qcow2', 'raw.zip', 'vdi', 'ova'].map((ending) => `alone.${ending}`);
    runIn(folder, './kexport.mjs', 'verify', ...images, '--against', BOOT_DISK, '-q');
  });

  test('is ksnap under that name, and as `snap`', () => {
    const folder = temporaryFolder();
    symlinkSync(bundled('kexport.mjs'), join(folder, 'ksnap'));
    const help = runIn(folder, './ksnap', '--help');
    expect(help).toMatch(/^Usage: ksnap WHAT/);
    expect(run(bundled('kexport.mjs'), 'snap', 'help')).toBe(help);
    expect(run(bundled('ksnap.cjs'), '--help')).toBe(help);
  });
});

/** The modules of Node that a run of the command loads. */
function loadedBy(words: string, folder: string): string[] {
  writeFileSync(
    join(folder, 'list.cjs'),
    `process.on('exit', () => require('fs').writeFileSync('list', process.moduleLoadList.join('\\n')));`,
  );
  // Node itself would load `net` for a pipe.
  const line = `"$0" -r ./list.cjs "$1" ${words} > output 2> errors`;
  runIn(folder, 'bash', '-c', line, process.execPath, bundled('kexport.cjs'));
  const list = readFileSync(join(folder, 'list'), 'utf8');
  return list.split('\n').map((entry) => entry.replace(/^NativeModule /, ''));
}

test('help loads nothing of Node that takes long', () => {
  const late = ['net', 'zlib', 'crypto', 'worker_threads', 'child_process', 'fs/promises'];
  const loaded = loadedBy('--help', temporaryFolder());
  expect(loaded).toContain('path');
  for (const name of late) expect(loaded).not.toContain(name);
});

test('a disk that is compressed before workers would have started starts none', () => {
  const folder = folderWith({ small: noise(2 ** 22), large: noise(2 ** 22 + 512) });
  expect(loadedBy('qcow2 small --name small', folder)).not.toContain('worker_threads');
  expect(loadedBy('qcow2 large', folder)).toContain('worker_threads');
  run(
    'qemu-img',
    'compare',
    '-f',
    'raw',
    '-F',
    'qcow2',
    join(folder, 'small'),
    join(folder, 'small.qcow2'),
  );
});
