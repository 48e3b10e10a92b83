// npm run fuzz [-- --target T] [--count N] [--seed S] [--first N] [--jobs N] [--long] [--coverage]:
// reads damaged inputs of every reader, by default 20,000 of each. `--long` reads 100,000, and a
// later run of the same seed goes on where it ended. What breaks a reader is kept in dist/fuzz.
// `--coverage` prints the lines of each reader that no input reached.

import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FORMATS, type FormatName } from '../../formats/index.ts';
import { PERMISSION } from '../support/permission.ts';
import { TOP } from '../support/project.ts';
import { printCoverage } from './coverage.ts';
import type { FuzzResult } from './fuzz.ts';
import { makeByQemu } from './seeds/images.ts';
import { targetsWith } from './targets.ts';
import type { FuzzReport, FuzzTask } from './worker.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    first: { type: 'string', default: '0' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    long: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
  },
});

/** Inputs that one process reads. */
const CHUNK = 5000;
/** A process that says nothing for so long hangs; it speaks every 250 inputs. */
const SILENCE_MS = 300_000;

const FOLDER = join(TOP, 'dist', 'fuzz');
const COVERAGE = join(FOLDER, 'coverage');
const seed = Number(values.seed);
const count = Number(values.count ?? (values.long ? 100_000 : 20_000));
const names = targetsWith(() => [])
  .map(({ name }) => name)
  .filter((name) => (values.target ?? name) === name);
if (names.length === 0) throw new Error(`no target ${values.target ?? ''}`);
const formats = Object.keys(FORMATS) as FormatName[];
const byQemu = new Map(formats.map((name) => [name, makeByQemu(name)]));

/** Of each target, how often it was read without an error; by the chunks that are done. */
type Done = Record<string, Record<number, number>>;

const record = join(FOLDER, `seed-${seed}-of-${count}.json`);
mkdirSync(FOLDER, { recursive: true });
if (values.coverage) rmSync(COVERAGE, { recursive: true, force: true });
const done: Done =
  values.long && existsSync(record) ? (JSON.parse(readFileSync(record, 'utf8')) as Done) : {};
const queue = names.flatMap((target) => {
  const chunks = Math.ceil(count / CHUNK);
  return Array.from({ length: chunks }, (_, i) => ({
    target,
    first: Number(values.first) + i * CHUNK,
    count: Math.min(CHUNK, count - i * CHUNK),
  })).filter(({ first }) => done[target]?.[first] === undefined);
});

let faultCount = 0;
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
for (const name of names) {
  const readable = Object.values(done[name] ?? {}).reduce((sum, each) => sum + each, 0);
  console.log(`${name}: ${count} inputs, ${readable} readable, seed ${seed}`);
}
console.log(`${faultCount} faults`);
if (values.coverage) printCoverage(COVERAGE);
process.exitCode = faultCount > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let chunk = queue.shift(); chunk; chunk = queue.shift()) {
    const { readable, faults } = await readChunk({ ...chunk, seed, byQemu });
    for (const { number, message, input } of faults) {
      faultCount++;
      const path = join(FOLDER, `${chunk.target}-${seed}-${number}`);
      writeFileSync(path, input);
      console.log(`${message}\nkept as ${path}\n`);
    }
    done[chunk.target] = { ...done[chunk.target], [chunk.first]: readable };
    if (values.long) writeFileSync(record, JSON.stringify(done));
  }
}

/** Reads a chunk in a process of its own. */
function readChunk(task: FuzzTask): Promise<FuzzResult> {
  const worker = fork(join(import.meta.dirname, 'worker.js'), [], {
    serialization: 'advanced',
    execArgv: values.coverage ? [] : [PERMISSION, `--allow-fs-read=${TOP}/*`, '--no-warnings'],
    env: { ...process.env, ...(values.coverage && { NODE_V8_COVERAGE: COVERAGE }) },
  });
  worker.send(task, () => undefined); // if it has ended, that is said there
  return resultOf(worker, task);
}

function resultOf(worker: ChildProcess, task: FuzzTask): Promise<FuzzResult> {
  let at = task.first;
  let result: FuzzResult | undefined;
  const end = () => worker.kill('SIGKILL');
  let timer = setTimeout(end, SILENCE_MS);
  worker.on('message', (report: FuzzReport) => {
    clearTimeout(timer);
    timer = setTimeout(end, SILENCE_MS);
    if ('at' in report) at = report.at;
    else result = report;
  });
  return new Promise((resolve) => {
    worker.once('exit', (status, signal) => {
      clearTimeout(timer);
      const how = `ended by ${signal ?? `status ${String(status)}`}`;
      const message = `${task.target}, seed ${task.seed}, after input ${at}: ${how}`;
      resolve(result ?? { readable: 0, faults: [{ number: at, message, input: Buffer.of() }] });
    });
  });
}
