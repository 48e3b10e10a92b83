// npm run faults [-- --format F] [--quick]: makes a small export in each format again and again,
// and lets each call of the operating system fail once, then each task of a worker; prints
// how many. `--quick` leaves out a second errno, and reading back.

import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Format, FormatName } from '../../formats/index.ts';
import { noise, text, withPartition } from '../support/disks.ts';
import { arm, failedCall, type Fault, install, killWorkerAt, taskCount } from './inject.ts';

const { values } = parseArgs({
  options: { format: { type: 'string' }, quick: { type: 'boolean', default: false } },
});

// Before kexport, which keeps the functions that it finds.
const handle = await open(process.execPath);
install(handle);
await handle.close();
const { encode, fileSink, FORMATS, KexportError, openSource } = await import('../../src/index.ts');

const SECONDS = 20;
const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(MIB), Buffer.alloc(MIB), text(MIB)]));

/** What may fail without a word: the image is whole, or the message was about something else. */
const CLEANING = ['rm'];

const folder = mkdtempSync(join(tmpdir(), 'kexport-faults-'));
const disk = join(folder, 'disk');
writeFileSync(disk, DISK);
let faults = 0;
let survived = 0;
try {
  const names = (Object.keys(FORMATS) as FormatName[]).filter(
    (name) => (values.format ?? name) === name,
  );
  for (const name of names) await every(FORMATS[name]());
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`${faults} faults, of which ${survived} did not matter`);

async function every(format: Format): Promise<void> {
  const path = join(folder, 'image');
  arm(undefined);
  killWorkerAt(0);
  await exported(format, path);
  const expected = readFileSync(path);
  rmSync(path);
  const tasks = taskCount();

  for (const verify of values.quick ? [false] : [false, true]) {
    for (const code of values.quick ? ['EIO'] : ['EIO', 'ENOSPC']) {
      for (let at = 1; await failing({ at, code }, verify); at++);
    }
  }
  // A file system that takes O_DIRECT, and then wants another alignment.
  for (let at = 1; await failing({ at, code: 'EINVAL', only: ['writev'] }, false); at++);
  arm(undefined);
  for (let at = 1; at <= tasks; at++) {
    killWorkerAt(at);
    const error = await exported(format, path).catch((thrown: unknown) => thrown);
    faults++;
    if (!(error instanceof Error)) throw new Error(`${format.name}: task ${at}: no error`);
    expectFolder(`${format.name}, task ${at}`, []);
  }
  killWorkerAt(0);

  /** Returns whether there were as many calls. */
  async function failing(fault: Fault, verify: boolean): Promise<boolean> {
    arm(fault);
    const error = await exported(format, path, verify).catch((thrown: unknown) => thrown);
    const call = failedCall();
    arm(undefined);
    if (call === undefined) {
      rmSync(path);
      return false;
    }
    faults++;
    const what = `${format.name}, ${fault.code} of ${call}, call ${fault.at}`;
    if (error === undefined) {
      survived++;
      if (!readFileSync(path).equals(expected)) throw new Error(`${what}: another image`);
      rmSync(path);
      if (!CLEANING.includes(call)) expectFolder(what, []);
    } else {
      if (!(error instanceof KexportError)) throw new Error(what, { cause: error });
      if (error.message.includes('\n')) throw new Error(`${what}: ${error.message}`);
      if (!CLEANING.includes(call)) expectFolder(what, []);
    }
    const open = openFiles();
    if (open.length > 0) throw new Error(`${what}: ${open.join()} stays open`);
    for (const name of readdirSync(folder)) if (name !== 'disk') rmSync(join(folder, name));
    return true;
  }
}

async function exported(format: Format, path: string, verify = false): Promise<undefined> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new TypeError('it hangs')), SECONDS * 1000).unref();
  });
  const identity = { name: 'x', uuid: new Uint8Array(16), createdAt: 1e9 };
  const work = async (): Promise<undefined> => {
    const source = await openSource(disk, { takeSnapshot: false });
    let sink;
    try {
      sink = await fileSink(path);
    } catch (error) {
      await source.close();
      throw error;
    }
    await encode(source, [{ format, sink }], { identity, verify, threads: 1 });
  };
  return Promise.race([work(), late]);
}

function expectFolder(what: string, names: readonly string[]): void {
  const found = readdirSync(folder).filter((name) => name !== 'disk');
  if (found.join() !== names.join()) throw new Error(`${what}: it leaves ${found.join()}`);
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
  return files.filter((path) => path.startsWith(folder));
}
