// npm run faults [-- --only NAME] [--quick]: makes small exports in each format, from each kind of
// source and to each kind of target, again and again, and lets each call of the operating system
// fail once, each program that is run, then each task of a worker; prints how many. `--quick`
// leaves out a second errno, and reading back.

import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attachLoop, detachLoop } from '../support/attach-loop.ts';
import { arm, failedCall, type Fault, install, killWorkerAt, taskCount } from './inject.ts';
import { DISK, type Scenario, scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});

// Before kexport, which keeps the functions that it finds.
const handle = await open(process.execPath);
install(handle);
await handle.close();
const library = await import('../../src/index.ts');
const { KexportError } = library;

const SECONDS = 20;

/** What may fail without a word: the image is whole, or the message was about something else. */
const CLEANING = ['rm'];

const folder = mkdtempSync(join(tmpdir(), 'kexport-faults-'));
const loop = attachLoop(join(folder, 'device'), DISK.length);
let faults = 0;
let survived = 0;
try {
  const all = await scenarios(library, folder, loop);
  const inputs = readdirSync(folder);
  for (const scenario of all) {
    if (values.only === undefined || values.only === scenario.name) await every(scenario, inputs);
  }
} finally {
  detachLoop(loop);
  rmSync(folder, { recursive: true });
}
console.log(`${faults} faults, of which ${survived} did not matter`);

async function every(scenario: Scenario, inputs: readonly string[]): Promise<void> {
  arm(undefined);
  killWorkerAt(0);
  await scenario.run(false);
  const expected = scenario.result();
  clear();
  const tasks = taskCount();

  const faultsOfCalls = values.quick ? ['EIO'] : ['EIO', 'ENOSPC'];
  for (const verify of values.quick ? [false] : [false, true]) {
    for (const code of faultsOfCalls) for (let at = 1; await failing({ at, code }, verify); at++);
  }
  // A file system that takes O_DIRECT, and then wants another alignment.
  for (let at = 1; await failing({ at, code: 'EINVAL', only: ['writev'] }, false); at++);
  for (const code of ['ENOENT', 'EAGAIN', 'died', 'rubbish']) {
    for (let at = 1; await failing({ at, code, only: ['spawn'] }, false); at++);
  }
  for (let at = 1; at <= tasks; at++) {
    killWorkerAt(at);
    const error = await result(scenario.run(false));
    faults++;
    if (!(error instanceof Error)) throw new Error(`${scenario.name}: task ${at}: no error`);
    expectNothing(`${scenario.name}, task ${at}`);
    clear();
  }
  killWorkerAt(0);

  /** Returns whether there were as many calls. */
  async function failing(fault: Fault, verify: boolean): Promise<boolean> {
    arm(fault);
    const error = await result(scenario.run(verify));
    const call = failedCall();
    arm(undefined);
    if (call === undefined) {
      clear();
      return false;
    }
    faults++;
    const what = `${scenario.name}, ${fault.code} of ${call}, call ${fault.at}`;
    if (error === undefined) {
      survived++;
      const made = scenario.result();
      if (made && !(expected && made.equals(expected))) throw new Error(`${what}: another image`);
      if (!scenario.isDevice) rmSync(join(folder, 'image'), { force: true });
    } else {
      if (!(error instanceof KexportError)) throw new Error(what, { cause: error });
      if (error.message.includes('\n')) throw new Error(`${what}: ${error.message}`);
    }
    if (!CLEANING.includes(call)) expectNothing(what);
    const left = openFiles();
    if (left.length > 0) throw new Error(`${what}: ${left.join()} stays open`);
    clear();
    return true;
  }

  function made(): string[] {
    return readdirSync(folder).filter((name) => !inputs.includes(name));
  }

  function expectNothing(what: string): void {
    if (made().length > 0) throw new Error(`${what}: it leaves ${made().join()}`);
  }

  function clear(): void {
    for (const name of made()) rmSync(join(folder, name));
  }
}

/** The error of a run; undefined if it succeeds. */
async function result(running: Promise<void>): Promise<unknown> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new TypeError('it hangs')), SECONDS * 1000).unref();
  });
  return Promise.race([running, late]).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Descriptors of files in the folder, and of the folder. */
function openFiles(): string[] {
  const files = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the list itself
    }
  });
  return files.filter((path) => path.startsWith(folder) || path === loop);
}
