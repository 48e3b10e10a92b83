// npm run signals [-- --count N]: ends commands by a signal at moments that are drawn over their
// run, each with the right status, soon, and with nothing left. Prints how many.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { noise, withPartition } from '../support/disks.ts';
// npm runs it in the folder of the package.
const PROGRAM = join(process.cwd(), 'dist', 'bundle', 'kexport.cjs');

const { values } = parseArgs({ options: { count: { type: 'string', default: '200' } } });

const MIB = 2 ** 20;
const MAX_MS = 2000;
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const SIGNALS = Object.keys(STATUS) as (keyof typeof STATUS)[];

const folder = mkdtempSync(join(tmpdir(), 'kexport-signals-'));
writeFileSync(join(folder, 'disk'), withPartition(noise(48 * MIB)));

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  all: ['all', 'disk', '--name', 'x'],
  'with sums and read back': ['qcow2,raw', 'disk', '--name', 'x', '--verify', '--checksums'],
  zipped: ['raw', 'disk', '--name', 'x', '--zip'],
  vhdx: ['vhdx', 'disk', '--name', 'x'],
  vma: ['vma', 'disk', '--name', 'x'],
  containerdisk: ['containerdisk', 'disk', '--name', 'x', '--verify'],
  convert: ['convert', 'image.qcow2', 'vmdk', '-o', 'x.vmdk'],
  verify: ['verify', 'image.qcow2', '--against', 'disk'],
};

try {
  await run(['qcow2', 'disk', '-o', 'image.qcow2']);
  const files = readdirSync(folder).sort().join();
  let moments = 0;
  for (const [name, words] of Object.entries(COMMANDS)) {
    const { ms: whole } = await run(words);
    clean(files);
    for (let i = 0; i < Number(values.count); i++) {
      const signal = SIGNALS[i % SIGNALS.length]!; // within bounds
      const at = Math.random() * whole;
      const { status, late, said } = await run(words, { signal, at });
      const what = `${name}: ${signal} after ${at.toFixed(0)} of ${whole.toFixed(0)} ms`;
      if (status !== 0 && status !== STATUS[signal])
        throw new Error(`${what}: status ${status}: ${said}`);
      if (late > MAX_MS) throw new Error(`${what}: it ended ${late.toFixed(0)} ms later`);
      const left = readdirSync(folder).sort().join();
      if (status !== 0 && left !== files) throw new Error(`${what}: it leaves ${left}`);
      clean(files);
      moments++;
    }
  }
  console.log(`${moments} moments`);
} finally {
  rmSync(folder, { recursive: true });
}

/** Removes what a run that was not ended has made. */
function clean(files: string): void {
  const kept = files.split(',');
  for (const name of readdirSync(folder)) if (!kept.includes(name)) rmSync(join(folder, name));
}

async function run(
  words: readonly string[],
  stop?: { readonly signal: NodeJS.Signals; readonly at: number },
): Promise<{ status: number; ms: number; late: number; said: string }> {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...words, '-q'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
  const ended = new Promise<number>((resolve) => {
    child.on('close', (status, signal) => {
      const known = SIGNALS.find((name) => name === signal);
      resolve(known ? STATUS[known] : (status ?? -1));
    });
  });
  if (stop) {
    await setTimeout(stop.at);
    child.kill(stop.signal);
  }
  const sent = performance.now();
  const status = await ended;
  const now = performance.now();
  return { status, ms: now - started, late: now - sent, said };
}
