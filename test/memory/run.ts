// npm run memory [-- --threads N] [-- --quick]: measures the most memory that commands take, with
// 1, 2, 16 and 64 threads, and runs them in a control group of 300 MiB. Prints a line for each, and
// ends with 1 if one is above the ceiling of README. `--quick` makes one export of a small disk.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { noise, withPartition } from '../support/disks.ts';

const { values } = parseArgs({
  options: { threads: { type: 'string' }, quick: { type: 'boolean', default: false } },
});

const MIB = 2 ** 20;
const TIB = 2 ** 40;
const BASE_MIB = 256;
const THREAD_MIB = 16;
const GROUP_MIB = 300;
const GROUPS = '/sys/fs/cgroup/memory'; // of version 1
// npm runs it in the folder of the package.
const PROGRAM = join(process.cwd(), 'dist', 'bundle', 'kexport.cjs');
// Prints the most memory that the process has had, in KiB, as the last line of stderr. Not maxRSS,
// which has what this program had when it started the other.
const PROBE = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync, writeSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  const peak = () => /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  if (isMainThread) process.on('exit', () => writeSync(2, '\\n' + peak() + '\\n'));
`)}`;

const folder = mkdtempSync(join(tmpdir(), 'kexport-memory-'));
try {
  const size = values.quick ? 32 * MIB : 256 * MIB;
  writeFileSync(join(folder, 'disk'), withPartition(noise(size)));
  writeFileSync(join(folder, 'huge'), withPartition(noise(size)));
  truncateSync(join(folder, 'huge'), 8 * TIB);
  kexport(['qcow2', 'disk', '-o', 'disk.qcow2']);
  for (const threads of values.threads === undefined ? [1, 2, 16, 64] : [Number(values.threads)])
    for (const words of commands()) measure(words, threads);
  if (!values.quick) for (const words of commands()) inGroup(words);
} finally {
  rmSync(folder, { recursive: true });
}

function commands(): readonly (readonly string[])[] {
  const all = ['all', 'disk', '--name', 'x', '--verify', '--checksums'];
  if (values.quick) return [all];
  return [
    all,
    ['all', 'disk', '--name', 'x', '--checksums', '--zip'],
    ['qcow2,vhdx,vdi,raw.gz', 'disk', '--name', 'x', '--verify', '--checksums'],
    ['qcow2,vhdx,vdi,vmdk,ova', 'huge', '--name', 'x'],
    ['convert', 'disk.qcow2', 'vmdk,ova', '--name', 'x'],
    ['verify', 'disk.qcow2', '--against', 'disk'],
  ];
}

function measure(words: readonly string[], threads: number): void {
  const ceiling = BASE_MIB + THREAD_MIB * threads;
  const { stderr } = kexport([...words, '--threads', String(threads)], ['--import', PROBE]);
  const peak = Number(stderr.trim().split('\n').at(-1)) / 1024;
  console.log(`${peak.toFixed(0)} of ${ceiling} MiB: ${words.join(' ')} --threads ${threads}`);
  if (!(peak < ceiling)) process.exitCode = 1;
}

/** Runs a command where a control group allows no more, which needs root. */
function inGroup(words: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync(join(GROUPS, 'memory.limit_in_bytes'))) {
    console.log('no control group without root and the memory controller of version 1');
    return;
  }
  const group = join(GROUPS, `kexport-${process.pid}`);
  mkdirSync(group);
  try {
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(GROUP_MIB * MIB));
    const line = `echo $$ > '${group}/cgroup.procs' && exec "$@"`;
    const args = [process.execPath, PROGRAM, ...words, '--threads', '2', '-q'];
    clear();
    const { status, stderr } = spawnSync('sh', ['-c', line, 'sh', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
    const said = status === 0 ? '' : `: ${stderr}`;
    console.log(
      `status ${String(status)} in ${GROUP_MIB} MiB: ${words.join(' ')} --threads 2${said}`,
    );
    if (status !== 0) process.exitCode = 1;
  } finally {
    rmdirSync(group);
  }
}

function kexport(words: readonly string[], node: readonly string[] = []): { stderr: string } {
  clear();
  const { status, stderr } = spawnSync(process.execPath, [...node, PROGRAM, ...words, '-q'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  return { stderr };
}

function clear(): void {
  for (const name of readdirSync(folder)) if (/^x\.|SUMS/.test(name)) rmSync(join(folder, name));
}
