// Times kexport and qemu-img on the same disk, by turns, in one run. `--full` takes a larger disk
// and more turns, `--only TEXT` the scenarios with that text in their name. Without `--only` the
// table also goes to bench/RESULTS.md.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeDisks } from './disk.ts';
import { measure, median, type Run } from './measure.ts';
import { type MeasuredPage, openMeasuredPage } from './page.ts';
import { MAIN, type Scenario, scenarios, type Side, withChecksums } from './scenarios.ts';

const HEADER = `| scenario | wall | cpu | system | peak memory | size |
| --- | --- | --- | --- | --- | --- |`;

const { values: options } = parseArgs({
  options: { full: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const dataSize = (options.full ? 2048 : 192) * 2 ** 20;
const maxTurns = options.full ? 5 : 3;
const maxSeconds = options.full ? 60 : 8; // after which a scenario gets no further turn

const folder = mkdtempSync(join(tmpdir(), 'kexport-bench-'));
try {
  const disks = makeDisks(dataSize);
  const { usual, sparse, noise } = disks;
  // Puts the disks into the page cache.
  for (const disk of [usual, sparse, noise]) execFileSync('cp', [disk, '/dev/null']);
  const chosen = scenarios(disks, folder).filter(({ name }) => name.includes(options.only));
  const rows: string[] = [];
  for (const scenario of chosen) rows.push(...rowsOf(scenario.name, await compare(scenario)));
  rows.push(...(await pageRows(usual)));
  const table = [HEADER, ...rows].join('\n');
  const text = `${describeRun()}\n\n${table}\n`;
  process.stdout.write(text);
  if (options.only === '') writeFileSync('bench/RESULTS.md', `# Speed\n\n${text}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Comparison {
  readonly ours: Run;
  readonly peer: Run;
}

async function compare({ name, ours, peer }: Scenario): Promise<Comparison> {
  process.stderr.write(`${name} ...\n`);
  try {
    for (const { prepare } of [ours, peer]) shell(prepare);
    return await takeTurns(
      () => measureSide(ours),
      () => measureSide(peer),
    );
  } finally {
    for (const { cleanUp } of [ours, peer]) shell(cleanUp);
  }
}

function measureSide({ before, command, outputs }: Side): Run {
  shell(before);
  return measure(command, outputs, join(folder, 'time'));
}

/** The page and the command on the same disk, both with one thread, both with SHA-256. */
async function pageRows(disk: string): Promise<string[]> {
  const chosen = ['qcow2', 'vmdk', 'raw']
    .map((format) => ({ format, name: `${format} on the page, against the command` }))
    .filter(({ name }) => name.includes(options.only));
  if (chosen.length === 0) return [];
  const page = await openMeasuredPage(MAIN);
  if (!page) {
    process.stderr.write('the page: left out, as there is no chromium\n');
    return [];
  }
  try {
    const rows: string[] = [];
    for (const { format, name } of chosen) {
      rows.push(...rowsOf(name, await comparePage(page, disk, format, name)));
    }
    return rows;
  } finally {
    await page.close();
  }
}

function comparePage(
  page: MeasuredPage,
  disk: string,
  format: string,
  name: string,
): Promise<Comparison> {
  process.stderr.write(`${name} ...\n`);
  return takeTurns(
    () => page.measure(disk, format),
    () => measureSide(withChecksums(disk, format, folder)),
  );
}

function shell(command: string | undefined): void {
  if (command !== undefined) execFileSync('bash', ['-c', command], { stdio: 'inherit' });
}

async function takeTurns(
  ours: () => Run | Promise<Run>,
  peer: () => Run | Promise<Run>,
): Promise<Comparison> {
  const runs: Comparison[] = [];
  for (let seconds = 0; runs.length < maxTurns && seconds < maxSeconds;) {
    const turn = { ours: await ours(), peer: await peer() };
    runs.push(turn);
    seconds += turn.ours.wall + turn.peer.wall;
  }
  return { ours: median(runs.map((run) => run.ours)), peer: median(runs.map((run) => run.peer)) };
}

function rowsOf(name: string, { ours, peer }: Comparison): string[] {
  const cells = (run: Run) => [
    `${run.wall.toFixed(2)} s`,
    `${run.cpu.toFixed(2)} s`,
    `${run.system.toFixed(2)} s`,
    `${(run.peak / 2 ** 20).toFixed(0)} MiB`,
    `${(run.size / 2 ** 20).toFixed(1)} MiB`,
  ];
  const ratio = (figure: (run: Run) => number) => `${(figure(peer) / figure(ours)).toFixed(2)}x`;
  const size =
    peer.size === 0 ? '' : `${((100 * (ours.size - peer.size)) / peer.size).toFixed(1)} %`;
  return [
    [`**${name}**`, ratio((r) => r.wall), ratio((r) => r.cpu), '', '', size],
    ['kexport', ...cells(ours)],
    ['the other', ...cells(peer)],
  ].map((row) => `| ${row.join(' | ')} |`);
}

function describeRun(): string {
  const date = new Date().toISOString().slice(0, 10);
  const qemu = execFileSync('qemu-img', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  const machine = `${availableParallelism()} processors (${cpus()[0]?.model ?? 'unknown'})`;
  return `${date}, ${machine}, Node ${process.version}, ${qemu}. The disk has ${(2.5 * dataSize) / 2 ** 20} MiB with \
${dataSize / 2 ** 20} MiB of files from /usr, in the page cache; medians of ${maxTurns} runs each, fewer where \
they would take more than ${maxSeconds} s, taken in turns, what is written synced by both. The sparse disk is as large with a quarter of the files; the incompressible one has ${dataSize / 2 ** 21} MiB.
Peak memory is that of the largest process: of images that are sent, the store that plays a cloud.
Bold: how many times faster, or with how much less cpu, kexport was; and its size against the other's.`;
}
