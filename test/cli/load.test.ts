// Exports from machines that have other work: --limit-rate and --nice.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, startKexport } from '../support/kexport.ts';
import { run, testWith } from '../support/peers.ts';
import { fixture } from '../support/send-streams.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;

const disk = join(sharedFolder(), 'disk.raw');

beforeAll(() => {
  const bytes = withPartition(noise(4 * MIB));
  writeDisk(disk, { size: 64 * MIB, pieces: [{ offset: 0, bytes }] });
});

describe('--limit-rate', () => {
  test.each([
    ['of a file', [disk]],
    ['of an image', ['disk.qcow2']],
  ])('%s reads so many bytes a second, and skips holes', (_, source) => {
    const cwd = temporaryFolder();
    kexport(['qcow2', disk, '-o', 'disk.qcow2', '-q'], { cwd });
    const started = performance.now();
    const args = ['raw', ...source, '-o', 'x.raw', '--limit-rate', '2M', '-q'];
    expect(kexport(args, { cwd })).toEqual({ status: 0, stdout: '', stderr: '' });
    const seconds = (performance.now() - started) / 1000;
    expect(seconds).toBeGreaterThan(2); // for 4 MiB of data
    expect(seconds).toBeLessThan(20); // not for 64 MiB of disk
    run('cmp', disk, join(cwd, 'x.raw'));
  });

  test('of an increment counts what it changes', () => {
    const cwd = temporaryFolder();
    kexport(['qcow2', fixture('grow-full-a'), '-o', 'a.qcow2', '-q'], { cwd });
    const { streams } = JSON.parse(kexport(['info', fixture('grow-inc-b'), '--json']).stdout) as {
      streams: { dataSize: number }[];
    };
    const { dataSize } = streams[0]!; // it has one
    const args = ['--backing-file', 'a.qcow2', '-o', 'b.qcow2', '-q'];
    const started = performance.now();
    const rate = ['--limit-rate', String(Math.floor(dataSize / 2))];
    const made = kexport(['qcow2', fixture('grow-inc-b'), ...args, ...rate], { cwd });
    expect(made).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(performance.now() - started).toBeGreaterThan(2000);
  });

  test('ends at once on Ctrl-C, however slow it is', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', disk, '-o', 'x', '--limit-rate', '1k'], cwd);
    await until(() => existsSync(join(cwd, 'x.partial')));
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('needs a size', () => {
    expect(kexport(['raw', disk, '--limit-rate', 'fast'])).toMatchObject({
      status: 2,
      stderr: 'kexport: --limit-rate: "fast" is not a size such as 10G or 512M\n',
    });
  });
});

describe('--nice', () => {
  testWith(['ionice'], 'lowers the CPU priority and the I/O class of every thread', async () => {
    const cwd = temporaryFolder();
    const args = ['qcow2', disk, '-o', 'x', '--nice', '--limit-rate', '64k', '--threads', '2'];
    const { child, ended } = startKexport(args, cwd);
    await until(() => existsSync(join(cwd, 'x.partial')));
    const tasks = `/proc/${String(child.pid)}/task`;
    const threads = readdirSync(tasks);
    const niceOf = (thread: string) => {
      const stat = readFileSync(join(tasks, thread, 'stat'), 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]); // proc(5): field 19
    };
    expect(new Set(threads.map(niceOf))).toEqual(new Set([19]));
    expect(
      new Set(
        run('ionice', '-p', ...threads)
          .trim()
          .split('\n'),
      ),
    ).toEqual(new Set(['idle']));
    child.kill('SIGINT');
    await ended;
  });

  test('says so where there is no ionice', () => {
    const cwd = temporaryFolder();
    const env = { PATH: cwd };
    const { status, stderr } = kexport(['raw', disk, '-o', 'x', '--nice', '-q'], { cwd, env });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'kexport: warning: the I/O class stays: ionice of util-linux is not installed\n',
    });
  });
});
