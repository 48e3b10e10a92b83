// npm run foreign [-- --samples] [-- --filter TEXT]: reads images that other programs make, and
// compares each disk with what qemu-img reads. `--samples` also reads those in QEMU's source
// package, by Hyper-V, Virtual PC and VMware among others, which apt-get fetches from Debian.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundled } from '../support/built.ts';
import { HISTORIES, REFUSED, type Step, VARIANTS } from './matrix.ts';
import { SAMPLES, unpackSamples } from './samples.ts';

const { values } = parseArgs({
  options: {
    samples: { type: 'boolean', default: false },
    filter: { type: 'string', default: '' },
  },
});

const top = mkdtempSync(join(tmpdir(), 'kexport-foreign-'));
const counts = { same: 0, refused: 0, skipped: 0, wrong: 0 };
try {
  matrix();
  refusals();
  if (values.samples) samples();
} finally {
  rmSync(top, { recursive: true });
}
console.log(JSON.stringify(counts));
process.exitCode = counts.wrong > 0 ? 1 : 0;

interface Ran {
  readonly status: number | null;
  readonly said: string;
}

function run(cwd: string, [program = '', ...args]: Step): Ran {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

function kexport(cwd: string, ...args: readonly string[]): Ran {
  return run(cwd, [process.execPath, bundled('kexport.cjs'), ...args]);
}

function inFolder(name: string, use: (cwd: string) => void): void {
  if (!name.includes(values.filter)) return;
  const cwd = mkdtempSync(join(top, 'x-'));
  try {
    use(cwd);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

function matrix(): void {
  for (const { driver, extension, options } of VARIANTS) {
    for (const { name: history, drivers, steps } of HISTORIES) {
      if (!drivers.includes(driver)) continue;
      const name = `${driver} ${options}, ${history}`;
      inFolder(name, (cwd) => {
        const image = `image.${extension}`;
        const chosen = options === '' ? [] : ['-o', options];
        const create = ['qemu-img', 'create', '-q', '-f', driver, ...chosen, image, '10M'];
        const all = [create, ...steps].map((step) =>
          step.map((word) => (word === 'image' ? image : word)),
        );
        const failed = all.map((step) => run(cwd, step)).find(({ status }) => status !== 0);
        if (failed) skip(name, failed.said);
        else compare(name, cwd, image, driver);
      });
    }
  }
}

/** Not every variant can be resized, say: what QEMU does not make is not read. */
function skip(name: string, why: string): void {
  counts.skipped++;
  console.log(`skipped: ${name}: ${why.trim().split('\n').at(-1) ?? ''}`);
}

/** Both programs read the image as the same disk, and it is sound. */
function compare(name: string, cwd: string, image: string, driver: string, peer = image): void {
  const made = kexport(cwd, 'raw', image, '-o', 'ours.raw', '--allow-backing', '-q');
  const same = run(cwd, ['qemu-img', 'compare', '-f', driver, '-F', 'raw', peer, 'ours.raw']);
  const sound = kexport(cwd, 'verify', image, '--allow-backing');
  const wrong = [made, same, sound].find(({ status }) => status !== 0);
  if (!wrong && same.said.includes('identical')) {
    counts.same++;
    return;
  }
  counts.wrong++;
  console.log(`WRONG: ${name}: ${(wrong ?? same).said.trim()}`);
}

function refusals(): void {
  for (const [driver, options, says] of REFUSED) {
    inFolder(`${driver} ${options}, refused`, (cwd) => {
      const chosen = options === '' ? [] : ['-o', options];
      run(cwd, ['qemu-img', 'create', '-q', '-f', driver, ...chosen, 'image.img', '1M']);
      if (existsSync(join(cwd, 'image.img')))
        refuse(`${driver} ${options}`, cwd, 'image.img', says);
      else skip(driver, 'it was not made');
    });
  }
}

function refuse(name: string, cwd: string, image: string, says: RegExp): void {
  const { status, said } = kexport(cwd, 'raw', image, '-o', 'ours.raw', '-q');
  const isRefused = status === 1 && says.test(said) && said.trim().split('\n').length === 1;
  counts[isRefused ? 'refused' : 'wrong']++;
  console.log(`${isRefused ? 'refused' : 'WRONG'}: ${name}: ${said.trim()}`);
}

function samples(): void {
  const cwd = join(top, 'samples');
  unpackSamples(cwd);
  for (const { file, driver, says } of SAMPLES) {
    if (!file.includes(values.filter)) continue;
    if (says) refuse(file, cwd, file, says);
    else if (driver === 'vhdx') compareReplayed(file, cwd);
    else compare(file, cwd, file, driver);
    rmSync(join(cwd, 'ours.raw'), { force: true });
  }
}

/** QEMU replays the log of a VHDX only where it may write; kexport in memory. */
function compareReplayed(file: string, cwd: string): void {
  run(cwd, ['cp', '--sparse=always', file, `replayed-${file}`]);
  run(cwd, ['qemu-img', 'check', '-q', '-r', 'all', `replayed-${file}`]);
  compare(file, cwd, file, 'vhdx', `replayed-${file}`);
}
