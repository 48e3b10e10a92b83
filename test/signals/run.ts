// npm run signals [-- --count N] [-- --only NAME]: ends commands by signals at moments that are
// drawn over their run. An ended command has the right status, soon, and leaves nothing; after
// SIGKILL the next run says what there is; SIGSTOP and SIGCONT change nothing. Prints how many
// there were, after each command.

import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attachLoop, detachLoop } from '../support/attach-loop.ts';
import { type Command, commands, DISK_SIZE, prepare, PROGRAM } from './commands.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '200' }, only: { type: 'string' } },
});

const MAX_MS = 2000;

const PAUSE_MS = 100;
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGKILL: 137 } as const;
const ENDING = Object.keys(STATUS) as (keyof typeof STATUS)[];
const SIGNALS = [...ENDING, 'SIGSTOP'] as const;

interface Stop {
  readonly signal: (typeof SIGNALS)[number];
  /** Milliseconds after the start. */
  readonly at: number;
  /** How long it may then take to end: on a busy machine as long as a run. In milliseconds. */
  readonly patience: number;
}

interface Ended {
  readonly status: number;
  /** No handler of kexport heard the signal: before it has begun, or while Node ends. */
  readonly isUnheard: boolean;
  readonly said: string;
  /** Milliseconds of the whole run, and of it after the signal. */
  readonly ms: number;
  readonly late: number;
}

const folder = mkdtempSync(join(tmpdir(), 'kexport-signals-'));
const loop = attachLoop(join(folder, 'device'), DISK_SIZE);
if (loop === undefined) console.log('no loop device without root: no device is written');
try {
  prepare(folder);
  const inputs = readdirSync(folder);
  let moments = 0;
  for (const command of commands(loop)) {
    if (values.only !== undefined && command.name !== values.only) continue;
    moments += await every(command, inputs);
    console.log(`${command.name}: ${moments} moments so far`);
  }
} finally {
  detachLoop(loop);
  rmSync(folder, { recursive: true });
}

async function every(command: Command, inputs: readonly string[]): Promise<number> {
  const whole = await run(command);
  if (whole.status !== 0) throw new Error(`${command.name}: ${whole.said}`);
  const expected = made(inputs);
  clear(inputs);
  for (let i = 0; i < Number(values.count); i++) {
    const stop = {
      signal: SIGNALS[i % SIGNALS.length]!, // in range
      at: Math.random() * whole.ms,
      patience: Math.max(MAX_MS, whole.ms),
    };
    const what = `${command.name}: ${stop.signal} after ${stop.at.toFixed(0)} of ${whole.ms.toFixed(0)} ms`;
    try {
      await check(command, stop, expected, inputs);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
    clear(inputs);
  }
  return Number(values.count);
}

async function check(
  command: Command,
  stop: Stop,
  expected: readonly string[],
  inputs: readonly string[],
): Promise<void> {
  const { status, isUnheard, late, said } = await run(command, stop);
  const processes = inFolder();
  if (processes.length > 0) throw new Error(`processes stay: ${processes.join()}`);
  if (status === 0) {
    await expectAll(command, expected, inputs);
    return;
  }
  if (stop.signal === 'SIGSTOP' || status !== STATUS[stop.signal])
    throw new Error(`status ${status}: ${said}`);
  if (late > stop.patience) throw new Error(`it ended ${late.toFixed(0)} ms later`);
  if (stop.signal === 'SIGKILL') {
    await recover(command, expected, inputs);
  } else {
    const left = made(inputs);
    if (isUnheard && left.join() === expected.join()) await expectWhole(command, left);
    else if (left.length > 0) throw new Error(`it leaves ${left.join()}`);
  }
}

/** After SIGKILL: what has its final name is whole, and the next run names what is in its way. */
async function recover(
  command: Command,
  expected: readonly string[],
  inputs: readonly string[],
): Promise<void> {
  const left = made(inputs);
  await expectWhole(
    command,
    left.filter((name) => !name.endsWith('.partial')),
  );
  const next = await run(command);
  const isNamed = left.some((name) => next.said.includes(name));
  if (left.length > 0 && (next.status !== 1 || !isNamed))
    throw new Error(`${left.join()} is left, and the next run says: ${next.said}`);
  if (left.length === 0 && next.status !== 0) throw new Error(`the next run says: ${next.said}`);
  if (command.isWithoutFiles) return;
  const forced = await run({ ...command, words: [...command.words, '--force'] });
  if (forced.status !== 0) throw new Error(`with --force: ${forced.said}`);
  await expectAll(command, expected, inputs);
}

async function expectAll(
  command: Command,
  expected: readonly string[],
  inputs: readonly string[],
): Promise<void> {
  const names = made(inputs);
  if (names.join() !== expected.join())
    throw new Error(`it makes ${names.join()} and not ${expected.join()}`);
  await expectWhole(command, names);
}

/** Each of these images is sound, and has the disk. */
async function expectWhole(command: Command, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (name === 'SHA256SUMS') {
      execFileSync('sha256sum', ['--check', '--quiet', name], { cwd: folder });
      continue;
    }
    const { status, said } = await run({ ...command, words: ['verify', name, ...command.holds] });
    if (status !== 0) throw new Error(`${name} is not whole: ${said}`);
  }
}

/** Names of the files that are no inputs. */
function made(inputs: readonly string[]): string[] {
  return readdirSync(folder)
    .filter((name) => !inputs.includes(name))
    .sort();
}

function clear(inputs: readonly string[]): void {
  for (const name of made(inputs)) rmSync(join(folder, name));
}

/** Numbers of the processes that work in the folder. */
function inFolder(): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return readlinkSync(`/proc/${name}/cwd`) === folder;
    } catch {
      return false; // not a process, or ended
    }
  });
}

async function run(command: Command, stop?: Stop): Promise<Ended> {
  const started = performance.now();
  const stdin = command.piped === undefined ? 'ignore' : 'pipe';
  const child = spawn(process.execPath, [PROGRAM, ...command.words, '-q'], {
    cwd: folder,
    stdio: [stdin, 'ignore', 'pipe'],
  });
  if (command.piped !== undefined) {
    createReadStream(join(folder, command.piped))
      .pipe(child.stdin!)
      .on('error', () => undefined);
  }
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (piece: string) => (said += piece));
  const ended = new Promise<Pick<Ended, 'status' | 'isUnheard'>>((resolve) => {
    child.on('close', (status, signal) => {
      const known = ENDING.find((name) => name === signal);
      resolve({ status: known ? STATUS[known] : (status ?? -1), isUnheard: signal !== null });
    });
  });
  if (stop) {
    await setTimeout(stop.at);
    child.kill(stop.signal);
    if (stop.signal === 'SIGSTOP') {
      await setTimeout(PAUSE_MS);
      child.kill('SIGCONT');
    }
  }
  const sent = performance.now();
  const { status, isUnheard } = await ended;
  const now = performance.now();
  return { status, isUnheard, said, ms: now - started, late: now - sent };
}
