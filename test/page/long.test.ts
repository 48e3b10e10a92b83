// npm run page:long: 2 GiB through the page, in bounded memory, and its speed beside that of the
// command on the same file with as many threads. Takes minutes.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGE } from '../support/built.ts';
import { CHROMIUM, openPage, serve } from '../support/chromium.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportOk } from '../support/kexport.ts';
import { describeWith } from '../support/peers.ts';

const MIB = 2 ** 20;
const SIZE = 2048 * MIB;

/** What the processes of the page may take together, in bytes: docs/browser.md says so. */
const CEILING = 768 * MIB;

const TIMEOUT = 15 * 60_000;

const SAVED = `
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
`;

/** A disk that is half zeros, and otherwise what programs are made of. */
function makeDisk(path: string): void {
  const program = readFileSync(process.execPath);
  const file = openSync(path, 'w');
  for (let at = 0, turn = 0; at < SIZE; at += 8 * MIB, turn++) {
    const from = (turn * 3 * MIB) % (program.length - 4 * MIB);
    const piece = Buffer.from(program.subarray(from, from + 4 * MIB));
    for (let byte = 0; byte < piece.length; byte += 4096) piece.writeUInt32LE(turn, byte);
    writeSync(file, piece, 0, piece.length, at);
  }
  writeSync(file, Buffer.of(1), 0, 1, SIZE - 1);
  closeSync(file);
}

/** Memory of the renderers of this machine's chromium, in bytes: proportional shares. */
function memoryOfPages(): number {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(join('/proc', pid, 'cmdline'), 'latin1');
      if (!words.includes('--type=renderer')) continue;
      const found = /^Pss:\s+(\d+)/m.exec(
        readFileSync(join('/proc', pid, 'smaps_rollup'), 'latin1'),
      );
      sum += Number(found?.[1] ?? 0) * 1024;
    } catch {
      // it has ended
    }
  }
  return sum;
}

describeWith([CHROMIUM], 'the page, with a disk of 2 GiB', () => {
  test.runIf(process.env['KEXPORT_PAGE_LONG'] === '1')(
    'takes bounded memory, and at most 1.5 times as long as the command',
    async () => {
      const folder = temporaryFolder();
      const disk = join(folder, 'disk.raw');
      makeDisk(disk);
      const { address } = await serve(PAGE);
      const { page } = await openPage(address, { first: SAVED });
      let most = 0;
      const timer = setInterval(() => (most = Math.max(most, memoryOfPages())), 500);
      for (const format of ['qcow2', 'vmdk', 'raw']) {
        await page.reload();
        await page.setInputFiles('#file', disk);
        await page.waitForSelector('.picture');
        await page.setChecked('[id="format-qcow2"]', format === 'qcow2');
        await page.setChecked('[id="format-vmdk"]', format === 'vmdk');
        await page.setChecked('[id="format-raw"]', format === 'raw');
        const began = performance.now();
        await page.click('#start');
        await page.waitForSelector('#results .sum', { timeout: TIMEOUT });
        const byPage = performance.now() - began;
        const then = performance.now();
        kexportOk(folder, format, disk, '--name', 'command', '--force', '--checksums');
        const byCommand = performance.now() - then;
        const ratio = byPage / byCommand;
        const mib = (most / MIB).toFixed(0);
        console.log(
          `${format}: page ${(byPage / 1000).toFixed(1)} s, command ${(byCommand / 1000).toFixed(1)} s, ` +
            `${ratio.toFixed(2)} times; at most ${mib} MiB`,
        );
        const { size } = statSync(join(folder, `command.${format}`));
        expect(await page.innerText('#results')).toContain(`disk.${format}`);
        expect(size).toBeGreaterThan(0);
        expect(most).toBeLessThan(CEILING);
        if (format !== 'raw') expect(ratio).toBeLessThan(1.5);
      }
      clearInterval(timer);
      execFileSync('sync');
    },
    TIMEOUT,
  );
});
