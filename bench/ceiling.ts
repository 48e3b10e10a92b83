// Measures the processor time that the main thread takes for each GiB of data, which no further
// processor makes less, and says from it what 16, 32 and 64 processors like these would give:
//
//   npm run build && node dist/bench/ceiling.js [--threads N] [--only TEXT]
//
// Times are those of a processor, not of the clock: they mean something on a busy machine, too.
// Workers compress by a compressor that does nothing; what the real one takes is measured alone.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ALL_FORMATS, BLOCK_SIZE, type FormatName, FORMATS } from '../formats/index.ts';
import { openCompressor } from '../src/compress/open-compressor.ts';
import { encode } from '../src/export/encode.ts';
import type { Target } from '../src/export/image.ts';
import { openSource } from '../src/open/open-source.ts';
import { hashesInThreads, hashThreads } from '../src/hash/hash-threads.ts';
import type { WorkerName } from '../src/runtime/host.ts';
import { ownFiles } from '../src/runtime/own-files.ts';
import { fileSink } from '../src/sinks/file.ts';
import { hashed } from '../src/sinks/hashed.ts';
import { COMPRESSED_SLACK } from '../src/workers/slab.ts';
import { medianOf } from './measure.ts';
import { type Costs, forecast, PROCESSORS } from './model.ts';

const GIB = 2 ** 30;
const DISK_SIZE = GIB / 4;
const TURNS = 5;

/** An export to measure. */
interface Case {
  readonly name: string;
  readonly formats: readonly FormatName[];
  readonly checksums?: boolean;
  readonly verify?: boolean;
}

const CASES: readonly Case[] = [
  { name: 'qcow2', formats: ['qcow2'] },
  { name: 'all', formats: ALL_FORMATS },
  { name: 'all --checksums', formats: ALL_FORMATS, checksums: true },
  { name: 'raw --verify', formats: ['raw'], verify: true }, // compressed nonsense cannot be read
];

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: '' },
  },
});
const threads = Number(values.threads);
const { worker } = ownFiles;
Object.assign(ownFiles, {
  worker: (name: WorkerName) =>
    name === 'compress' ? new URL('./null-worker.js', import.meta.url) : worker(name),
});
const disk = makeDisk();
const folder = mkdtempSync(join(tmpdir(), 'kexport-ceiling-'));
try {
  const heads = ['s for each GiB', 'main thread', 'longest hash', 'all threads'];
  const forecasts = PROCESSORS.map((count) => `${count} processors`);
  printRow([...heads, ...forecasts]);
  printRow([...heads, ...forecasts].map(() => '---'));
  const alone = await timesAlone();
  const { compression, hash } = alone;
  for (const one of CASES) if (one.name.includes(values.only)) await print(one, alone);
  const { model = 'unknown' } = cpus()[0] ?? {};
  const machine = `${availableParallelism()} processors (${model}), Node ${process.version}`;
  const single = `compression at level 6 takes ${compression.toFixed(2)} s for each GiB, SHA-256 ${hash.toFixed(2)} s`;
  process.stdout.write(`\n${threads} threads; ${machine}; ${single}.\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A disk without holes, of what /usr has. */
function makeDisk(): string {
  const path = join(tmpdir(), `kexport-bench-dense-${DISK_SIZE}.img`);
  if (!existsSync(path)) {
    const line = `tar -cf - -C / usr | head -c ${DISK_SIZE} > "$0.new" && mv "$0.new" "$0"`;
    execFileSync('sh', ['-c', line, path], { stdio: 'ignore' });
  }
  return path;
}

function printRow(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

interface Alone {
  readonly compression: number;
  readonly hash: number;
}

/** What the compressor takes at level 6, and SHA-256, in seconds for each GiB. */
async function timesAlone(): Promise<Alone> {
  const compressor = await openCompressor({ kind: 'zlib', windowBits: 12, level: 6 }, 'wasm');
  const bytes = readFileSync(disk).subarray(0, 2 ** 25);
  const output = Buffer.alloc(BLOCK_SIZE + COMPRESSED_SLACK);
  const hash = createHash('sha256');
  const timeOf = (work: (block: Uint8Array) => void) => {
    const runs: number[] = [];
    while (runs.length < TURNS) {
      const start = timesNow().main;
      for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
        work(bytes.subarray(at, at + BLOCK_SIZE));
      }
      runs.push(((timesNow().main - start) * GIB) / bytes.length);
    }
    return medianOf(runs);
  };
  return {
    compression: timeOf((block) => compressor.compress(block, output)),
    hash: timeOf((block) => hash.update(block)),
  };
}

/** Prints a row for each phase: to write the images, and to read them back. */
async function print(one: Case, alone: Alone): Promise<void> {
  await measure(one); // so that the code is compiled
  const runs: (readonly Costs[])[] = [];
  while (runs.length < TURNS) runs.push(await measure(one));
  const phases = [one.name, ...(one.verify ? [`${one.name}, reading back`] : [])];
  for (const [index, phase] of phases.entries()) {
    const ofPhase = runs.flatMap((run) => run[index] ?? []);
    const costs = {
      main: medianOf(ofPhase.map(({ main }) => main)),
      hash: medianOf(ofPhase.map(({ hash }) => hash)) * alone.hash,
      all: medianOf(ofPhase.map(({ all }) => all)) + (one.verify ? 0 : alone.compression),
    };
    const forecasts = PROCESSORS.map((count) => {
      const { rate, bound } = forecast(costs, count);
      return `${rate.toFixed(1)} GiB/s: ${bound}`;
    });
    const figures = [costs.main, costs.hash, costs.all].map((seconds) => seconds.toFixed(3));
    printRow([phase, ...figures, ...forecasts]);
  }
}

/** What each phase of one export takes; `hash` is the length of the longest, in disks. */
async function measure({ formats, checksums, verify }: Case): Promise<readonly Costs[]> {
  const hashes = hashThreads(threads);
  const targets: Target[] = [];
  for (const name of formats) {
    const format = FORMATS[name]();
    const sink = await fileSink(join(folder, `x.${name}`), { force: true });
    const inOrder = format.streaming !== 'never';
    const image = checksums ? hashed(sink, inOrder, hashes.open('sha256')) : sink;
    targets.push({ format, sink: image });
  }
  const source = await openSource(disk, { from: 'raw' }); // it begins like an archive
  const times = [timesNow()];
  const { images } = await encode(source, targets, {
    threads,
    verify,
    onProgress({ phase }) {
      if (phase === 'verifying' && times.length === 1) times.push(timesNow());
    },
  });
  times.push(timesNow());
  const withHash = images.filter(({ format }) => checksums === true || format.name === 'ova');
  const longest = Math.max(0, ...withHash.map(({ length }) => length)) / DISK_SIZE;
  return times.slice(1).map(({ main, all }, index) => ({
    hash: hashesInThreads(threads) ? longest : 0,
    main: ((main - times[index]!.main) * GIB) / DISK_SIZE, // there is one more of them
    all: ((all - times[index]!.all) * GIB) / DISK_SIZE,
  }));
}

/** What this process has taken so far, in seconds of a processor. */
function timesNow(): Omit<Costs, 'hash'> {
  const [nanoseconds = NaN] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8')
    .split(' ')
    .map(Number);
  const { user, system } = process.cpuUsage();
  return { main: nanoseconds / 1e9, all: (user + system) / 1e6 };
}
