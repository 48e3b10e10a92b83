// The page in Debian's Firefox, which has no File System Access API: images are downloads.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import puppeteer, { type Page } from 'puppeteer-core';
import { expect, onTestFinished, test } from 'vitest';
import { PAGE } from '../support/built.ts';
import { serve } from '../support/chromium.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportOk } from '../support/kexport.ts';
import { AS_KNOWN, expectedOf, smallDisk, WRITABLE, WRITTEN } from '../support/page.ts';
import { describeWith, run } from '../support/peers.ts';
import { until } from '../support/until.ts';

const FIREFOX = 'firefox-esr';

/** A page in a Firefox that saves downloads in that folder without asking. */
async function openFirefox(downloads: string): Promise<Page> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: run('sh', '-c', `command -v ${FIREFOX}`).trim(),
    protocolTimeout: 300_000,
    extraPrefsFirefox: { 'browser.download.folderList': 2, 'browser.download.dir': downloads },
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(AS_KNOWN);
  return page;
}

/** Chooses formats by name, and has the page make them; returns what it says. */
async function made(page: Page, formats: readonly string[]): Promise<string> {
  const check = `(formats) => {
    document.querySelector('#name').value = 'x';
    for (const name of ${JSON.stringify(WRITABLE)}) {
      const box = document.getElementById('format-' + name);
      if (box.checked !== formats.includes(name)) box.click();
    }
    document.querySelector('#start').click();
  }`;
  await page.evaluate(`(${check})(${JSON.stringify(formats)})`);
  await page.waitForSelector('#results p', { timeout: 300_000 });
  await page.waitForSelector('#run', { hidden: true });
  return (await page.evaluate(`document.querySelector('#results').innerText`)) as string;
}

describeWith([FIREFOX], 'the page in Firefox', () => {
  test.each([{ isIsolated: true }, { isIsolated: false }])(
    'makes what the library makes, and saves it: %o',
    async ({ isIsolated }) => {
      const folder = temporaryFolder();
      const disk = join(folder, 'disk.raw');
      writeFileSync(disk, smallDisk());
      const downloads = join(folder, 'downloads');
      mkdirSync(downloads);
      const { address } = await serve(PAGE, { isIsolated });
      const page = await openFirefox(downloads);
      await page.goto(address);
      expect(await page.evaluate('crossOriginIsolated')).toBe(isIsolated);
      const input = await page.waitForSelector('input#file');
      await input?.uploadFile(disk);
      await page.waitForSelector('#facts dl');
      const shown = await made(page, WRITTEN);
      const expected = await expectedOf(disk, WRITTEN);
      for (const [name, hash] of Object.entries(expected)) {
        expect(shown).toContain(`${name}: `);
        expect(shown).toContain(hash);
      }
      await page.click('::-p-text(Save x.vmdk)');
      const saved = join(downloads, 'x.vmdk');
      await until(() => existsSync(saved) && statSync(saved).size > 0);
      kexportOk(folder, 'verify', saved, '--against', disk);
    },
  );
});
