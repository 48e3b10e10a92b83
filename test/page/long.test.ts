// npm run page:long: 2 GiB through the page, in bounded memory. `npm run bench` has its speed.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { PAGE } from '../support/built.ts';
import { CHROMIUM, MEMORY_CEILING, openPage, serve, watchMemory } from '../support/chromium.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeWith } from '../support/peers.ts';

const MIB = 2 ** 20;

const TIMEOUT = 15 * 60_000;

const SAVED = `
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
`;

/** A disk that is half zeros, and otherwise what programs are made of. */
function makeDisk(path: string, size: number): void {
  const program = readFileSync(process.execPath);
  const file = openSync(path, 'w');
  for (let at = 0, turn = 0; at < size; at += 8 * MIB, turn++) {
    const from = (turn * 3 * MIB) % (program.length - 4 * MIB);
    const piece = Buffer.from(program.subarray(from, from + 4 * MIB));
    for (let byte = 0; byte < piece.length; byte += 4096) piece.writeUInt32LE(turn, byte);
    writeSync(file, piece, 0, piece.length, at);
  }
  writeSync(file, Buffer.of(1), 0, 1, size - 1);
  closeSync(file);
}

/** Lets the page make a qcow2; returns how long it took, in milliseconds. */
async function byPage(page: Page, disk: string): Promise<number> {
  await page.setInputFiles('#file', disk);
  await page.waitForSelector('.picture');
  for (const name of ['qcow2', 'vmdk', 'raw']) {
    await page.setChecked(`[id="format-${name}"]`, name === 'qcow2');
  }
  const began = performance.now();
  await page.click('#start');
  await page.waitForSelector('#results .sum', { timeout: TIMEOUT });
  return performance.now() - began;
}

const isLong = process.env['KEXPORT_PAGE_LONG'] === '1';

describeWith([CHROMIUM], 'the page, with a large disk', () => {
  test.runIf(isLong)(
    'of 2 GiB, takes bounded memory',
    async () => {
      const disk = join(temporaryFolder(), 'disk.raw');
      makeDisk(disk, 2048 * MIB);
      const { address } = await serve(PAGE);
      const { page } = await openPage(address, { first: SAVED });
      const memory = watchMemory();
      const took = await byPage(page, disk);
      const most = memory.most();
      console.log(`2 GiB: ${(took / 1000).toFixed(1)} s, ${(most / MIB).toFixed(0)} MiB`);
      expect(most).toBeLessThan(MEMORY_CEILING);
    },
    TIMEOUT,
  );
});
