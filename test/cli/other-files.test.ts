// `info` and `verify` of an image whose disk lies partly in other files, which are not opened.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, runIn } from '../support/peers.ts';

const MIB = 2 ** 20;

interface Report {
  readonly virtualSize: number;
  readonly storedSize?: number;
  readonly subformat?: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly backing?: { readonly file: string; readonly format?: string };
  readonly notOpened: readonly string[];
  readonly partitionTable?: object;
}

interface TheirReport {
  readonly 'virtual-size': number;
  readonly 'cluster-size'?: number;
  readonly 'backing-filename'?: string;
  readonly 'backing-filename-format'?: string;
  readonly 'format-specific': { readonly data: Readonly<Record<string, unknown>> };
}

function infoOf(cwd: string, name: string, ...options: string[]): Report {
  const { status, stdout, stderr } = kexport(['info', name, '--json', ...options], { cwd });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Report;
}

function theirInfoOf(cwd: string, name: string): TheirReport {
  return JSON.parse(runIn(cwd, 'qemu-img', 'info', '--output=json', name)) as TheirReport;
}

/** Removes all files except the image, so that opening another one fails. */
function keepOnly(cwd: string, name: string): void {
  for (const other of readdirSync(cwd)) if (other !== name) rmSync(join(cwd, other));
}

describeWith(['qemu-img', 'qemu-io'], 'a qcow2 with a backing file', () => {
  function overlay(): string {
    const cwd = temporaryFolder();
    runIn(cwd, 'qemu-img', 'create', '-q', '-f', 'raw', 'base.img', '8M');
    const above = ['-f', 'qcow2', '-o', 'cluster_size=4096', '-F', 'raw', '-b', 'base.img'];
    runIn(cwd, 'qemu-img', 'create', '-q', ...above, 'top.qcow2');
    runIn(cwd, 'qemu-io', '-c', 'write -P 5 1M 200k', 'top.qcow2');
    return cwd;
  }

  test('is described without it, as qemu-img describes it', () => {
    const cwd = overlay();
    keepOnly(cwd, 'top.qcow2');
    const ours = infoOf(cwd, 'top.qcow2');
    const theirs = theirInfoOf(cwd, 'top.qcow2');
    expect(ours.virtualSize).toBe(theirs['virtual-size']);
    expect(ours.details['clusterSize']).toBe(theirs['cluster-size']);
    expect(ours.backing?.file).toBe(theirs['backing-filename']);
    expect(ours.backing?.format).toBe(theirs['backing-filename-format']);
    expect(ours).toMatchObject({ storedSize: 200 * 1024, notOpened: ['base.img'] });
    expect(ours).not.toHaveProperty('partitionTable');
    expect(kexport(['info', 'top.qcow2'], { cwd }).stdout).toMatch(
      /\npartition table: +unknown: base.img was not opened \(use --allow-backing\)\n$/,
    );
  });

  test('is checked without it, as qemu-img check does, and the answer says so', () => {
    const cwd = overlay();
    runIn(cwd, 'qemu-img', 'check', '-q', 'top.qcow2');
    keepOnly(cwd, 'top.qcow2');
    expect(kexport(['verify', 'top.qcow2'], { cwd })).toEqual({
      status: 0,
      stdout: 'top.qcow2: sound by itself: base.img was not opened (use --allow-backing)\n',
      stderr: '',
    });
    const { stdout } = kexport(['verify', 'top.qcow2', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ sound: true, notOpened: ['base.img'] });
  });

  test('is found damaged without it', () => {
    const cwd = overlay();
    const damage = ['-f', 'raw', '-c', 'write -P 0 8192 4k', 'top.qcow2']; // the refcount block
    runIn(cwd, 'qemu-io', ...damage);
    expect(() => runIn(cwd, 'qemu-img', 'check', '-q', 'top.qcow2')).toThrow();
    const { status, stdout } = kexport(['verify', 'top.qcow2'], { cwd });
    expect(stdout).toMatch(/^error: .*refcount/);
    expect(status).toBe(1);
  });

  test('is compared with another disk only if the file may be opened', () => {
    const cwd = overlay();
    const args = ['verify', 'top.qcow2', '--against', 'base.img'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(/needs another file, "base.img" \(--allow-backing .*\)\n$/);
    expect(status).toBe(3);
    expect(kexport([...args, '--allow-backing'], { cwd }).stdout).toMatch(/at byte 1048576\n/);
  });
});

describeWith(['qemu-img', 'qemu-io'], 'a qcow2 with an external data file', () => {
  function withDataFile(): string {
    const cwd = temporaryFolder();
    const options = 'data_file=data.raw,cluster_size=64k';
    runIn(cwd, 'qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, 'x.qcow2', '8M');
    runIn(cwd, 'qemu-io', '-c', 'write -P 5 1M 128k', 'x.qcow2');
    return cwd;
  }

  test('is described without it, as qemu-img describes it', () => {
    const cwd = withDataFile();
    const theirs = theirInfoOf(cwd, 'x.qcow2');
    keepOnly(cwd, 'x.qcow2');
    const ours = infoOf(cwd, 'x.qcow2');
    expect(ours.virtualSize).toBe(theirs['virtual-size']);
    expect(ours.details['clusterSize']).toBe(theirs['cluster-size']);
    expect(ours.details['dataFile']).toBe(theirs['format-specific'].data['data-file']);
    expect(ours).toMatchObject({ storedSize: 128 * 1024, notOpened: ['data.raw'] });
  });

  test('has its tables checked without it', () => {
    const cwd = withDataFile();
    expect(kexport(['verify', 'x.qcow2', '--allow-backing'], { cwd }).stdout).toMatch(
      /: sound, all /,
    );
    keepOnly(cwd, 'x.qcow2');
    expect(kexport(['verify', 'x.qcow2'], { cwd })).toMatchObject({
      status: 0,
      stdout: 'x.qcow2: sound by itself: data.raw was not opened (use --allow-backing)\n',
    });
    runIn(cwd, 'truncate', '-s', '-64k', 'x.qcow2');
    expect(kexport(['verify', 'x.qcow2'], { cwd }).status).toBe(1); // an L2 table is gone
  });
});

describeWith(['qemu-img'], 'a VMDK in several files', () => {
  test.each(['monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat'])(
    'is described by its descriptor alone: %s',
    (subformat) => {
      const cwd = temporaryFolder();
      const options = ['-f', 'vmdk', '-o', `subformat=${subformat}`];
      runIn(cwd, 'qemu-img', 'create', '-q', ...options, 'x.vmdk', '8M');
      const theirs = theirInfoOf(cwd, 'x.vmdk');
      const { extents } = theirs['format-specific'].data as { extents: { filename: string }[] };
      const names = extents.map(({ filename }) => filename);
      keepOnly(cwd, 'x.vmdk');
      const ours = infoOf(cwd, 'x.vmdk');
      expect(ours.virtualSize).toBe(theirs['virtual-size']);
      expect(ours.subformat).toBe(theirs['format-specific'].data['create-type']);
      expect(ours.details['extents']).toEqual(names);
      expect(ours.notOpened).toEqual(names);
      expect(ours).not.toHaveProperty('storedSize');
      expect(kexport(['verify', 'x.vmdk'], { cwd })).toMatchObject({
        status: 0,
        stdout: `x.vmdk: sound by itself: ${names.join()} was not opened (use --allow-backing)\n`,
      });
    },
  );
});

describe('a descriptor whose extents are missing', () => {
  test('is described with the names of the first of them, and cannot be converted', () => {
    const cwd = temporaryFolder();
    const extents = Array.from({ length: 5 }, (_, i) => `RW 2048 FLAT "part-${i}" 0`);
    const lines = ['# Disk DescriptorFile', 'createType="custom"', ...extents];
    writeFileSync(join(cwd, 'x.vmdk'), `${lines.join('\n')}\n`);
    const { stdout } = kexport(['info', 'x.vmdk'], { cwd });
    expect(stdout).toMatch(/\nvirtual size: +5.0 MiB/);
    expect(stdout).toContain(
      'part-0, part-1, part-2 and 2 more were not opened (use --allow-backing)',
    );
    expect(infoOf(cwd, 'x.vmdk').virtualSize).toBe(5 * MIB);
    expect(existsSync(join(cwd, 'part-0'))).toBe(false);
    const { status, stderr } = kexport(['convert', 'x.vmdk', 'raw'], { cwd });
    expect(stderr).toContain('needs another file, "part-0" (--allow-backing');
    expect(status).toBe(1);
  });
});
