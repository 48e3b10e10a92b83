import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import axe from 'axe-core';
import { FORMATS, type FormatName } from 'kexport';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { PAGE, PAGE_FILE } from '../support/built.ts';
import {
  CHROMIUM,
  MEMORY_CEILING,
  type OpenPage,
  openPage,
  serve,
  watchMemory,
} from '../support/chromium.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexportOk } from '../support/kexport.ts';
import {
  AS_KNOWN,
  expectedOf,
  type Hashes,
  smallDisk,
  WRITABLE,
  WRITTEN,
} from '../support/page.ts';
import { noise } from '../support/disks.ts';
import { describeWith } from '../support/peers.ts';
import { BOOT_DISK, fixturePath } from '../support/project.ts';

/**
 * Has the worker make images of that identity, and lets a user choose a folder: one in the storage
 * of the page, where a test can look.
 */
const AS_USER = `
  ${AS_KNOWN}
  window.showDirectoryPicker = () => navigator.storage.getDirectory();
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
`;

const HOSTILE: readonly (readonly [name: string, refusal: RegExp])[] = [
  ['r.vmdk', /^error: r\.vmdk.*descriptor/s],
  ['b.vhd', /^error: b\.vhd/],
  ['esc.vmdk', /^error: esc\.vmdk/],
];

/** A browser without the File System Access API. */
const WITHOUT_PICKERS = 'delete window.showDirectoryPicker; delete window.showSaveFilePicker;';

/** The files in the storage of the page, with the hashes of what is in them. */
const STORED = `(async () => {
  const found = {};
  const folder = await navigator.storage.getDirectory();
  for await (const [name, handle] of folder.entries()) {
    const bytes = await (await handle.getFile()).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    found[name] = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    await folder.removeEntry(name);
  }
  return found;
})()`;

async function stored(page: Page): Promise<Hashes> {
  return page.evaluate<Hashes>(STORED);
}

async function choose(page: Page, path: string): Promise<void> {
  await page.setInputFiles('#file', path);
  await page.waitForSelector('#facts dl, #facts .error');
  await page.waitForSelector('#run', { state: 'hidden' });
}

async function check(page: Page, formats: readonly FormatName[]): Promise<void> {
  for (const name of WRITABLE) {
    await page.setChecked(`[id="format-${name}"]`, formats.includes(name));
  }
}

/** What the page says after a click. */
async function resultOf(page: Page, button: string): Promise<string> {
  await page.evaluate(`document.querySelector('#results').replaceChildren()`);
  await page.click(button);
  await page.waitForSelector('#results p');
  await page.waitForSelector('#run', { state: 'hidden' });
  return page.innerText('#results');
}

/** A file for each reader, of the same small disk where that can be. */
function filesToRead(): string[] {
  const folder = temporaryFolder();
  const disk = join(folder, 'disk.raw');
  writeFileSync(disk, smallDisk());
  const formats = WRITTEN.filter((name) => {
    const format = FORMATS[name]();
    return format.read !== undefined || format.packed !== undefined;
  });
  kexportOk(folder, formats.join(','), disk, '--name', 'a');
  kexportOk(folder, 'raw', disk, '--zip', '--name', 'b');
  execFileSync('zstd', ['-q', disk, '-o', join(folder, 'a.raw.zst')]);
  const sent = join(folder, 'a.zfs');
  copyFileSync(fixturePath('zfs-send', 'small-lz4-4k-full-c.zfs'), sent);
  const made = formats.map((name) => join(folder, `a.${FORMATS[name]().extension}`));
  return [...new Set(made), join(folder, 'b.raw.zip'), join(folder, 'a.raw.zst'), sent];
}

/** Small files of disks that no memory holds. */
function largeFiles(): string[] {
  const folder = temporaryFolder();
  const gz = gzipSync(Buffer.alloc(2 ** 26));
  writeFileSync(join(folder, 'bomb.raw.gz'), Buffer.concat(Array<Buffer>(4).fill(gz)));
  writeFileSync(join(folder, 'large'), smallDisk());
  truncateSync(join(folder, 'large'), 2 ** 41);
  kexportOk(folder, 'vhdx,vdi', 'large', '--name', 'large');
  return ['bomb.raw.gz', 'large.vhdx', 'large.vdi'].map((name) => join(folder, name));
}

function expectNothingAsked({ requests, complaints }: OpenPage, before: number): void {
  const asked = requests.slice(before).filter((url) => !url.startsWith('blob:'));
  expect(asked).toEqual([]);
  expect(complaints).toEqual([]);
}

describeWith([CHROMIUM, 'zstd'], 'the page', () => {
  test('makes of every image what the library makes, and asks no server', async () => {
    const { address } = await serve(PAGE);
    const opened = await openPage(address, { first: AS_USER });
    const { page } = opened;
    await page.waitForLoadState('networkidle');
    await page.evaluate('navigator.serviceWorker.ready'); // it has loaded the page once more
    const { length: before } = opened.requests;
    for (const [index, path] of filesToRead().entries()) {
      await choose(page, path);
      if (index === 0) await check(page, WRITTEN);
      await page.fill('#name', 'x');
      const shown = await resultOf(page, '#start');
      const made = await stored(page);
      const readable = path.replace(/\.zst$/, ''); // an older Node has no zstd
      expect(made, basename(path)).toEqual(await expectedOf(readable, WRITTEN));
      for (const hash of Object.values(made)) expect(shown).toContain(hash);
    }
    expectNothingAsked(opened, before);
  });

  test('cancels: nothing is left, and the next export runs', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    const folder = folderWith({ 'long.raw': '' });
    truncateSync(join(folder, 'long.raw'), 64 * 2 ** 30);
    await choose(page, join(folder, 'long.raw'));
    await check(page, ['qcow2', 'vmdk']);
    await page.click('#start');
    await page.locator('#state', { hasText: ' of ' }).waitFor();
    await page.click('#cancel');
    await page.waitForSelector('#results .error');
    expect(await page.innerText('#results')).toBe('error: interrupted');
    expect(await stored(page)).toEqual({});
    await choose(page, BOOT_DISK);
    expect(await resultOf(page, '#start')).toContain('disk.qcow2: ');
  });

  test('keeps a finished image whose hashing is cancelled', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    // More than is hashed in memory, at once.
    const folder = folderWith({ 'noise.raw': noise(136 * 2 ** 20) });
    await choose(page, join(folder, 'noise.raw'));
    await check(page, ['qcow2']);
    await page.evaluate(`new MutationObserver(() => {
      if (/Hash/.test(document.querySelector('#state').textContent))
        document.querySelector('#cancel').click();
    }).observe(document.querySelector('#state'), { childList: true })`);
    expect(await resultOf(page, '#start')).toMatch(/^noise\.qcow2: .*\s+not hashed$/);
    expect(Object.keys(await stored(page))).toEqual(['noise.qcow2']);
  });

  test('replaces no file in a folder', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    await choose(page, BOOT_DISK);
    await check(page, ['qcow2']);
    await resultOf(page, '#start');
    await check(page, ['vmdk', 'qcow2']);
    expect(await resultOf(page, '#start')).toMatch(/^error: disk\.qcow2 exists in that folder/);
    expect(Object.keys(await stored(page))).toEqual(['disk.qcow2']);
  });

  test('leaves no empty file of an export that cannot begin', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    await choose(page, BOOT_DISK);
    await check(page, ['qcow2', 'vmdk']);
    await page.evaluate(`document.querySelector('#option-size').value = '1M'`);
    expect(await resultOf(page, '#start')).toMatch(/^error: /);
    expect(await stored(page)).toEqual({});
  });

  test('ends a worker that does not hear of a cancellation, and starts another', async () => {
    // As long as it is not told to cancel, it works.
    const deaf = `
      const listen = (listener) =>
        self.addEventListener('message', (event) => {
          while (event.data.cancel !== undefined);
          listener(event);
        });
      Object.defineProperty(self, 'onmessage', { set: listen, configurable: true });
    `;
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, {
      first: AS_USER.replace("const preamble = '", `const preamble = ${JSON.stringify(deaf)} + '`),
    });
    const folder = folderWith({ 'long.raw': '' });
    truncateSync(join(folder, 'long.raw'), 64 * 2 ** 30);
    await choose(page, join(folder, 'long.raw'));
    await page.click('#start');
    await page.locator('#state', { hasText: ' of ' }).waitFor();
    await page.click('#cancel');
    await page.waitForSelector('#results .error');
    expect(await page.innerText('#results')).toBe('error: interrupted');
    await choose(page, BOOT_DISK);
    expect(await resultOf(page, '#start')).toContain('disk.qcow2: ');
  });

  test('refuses beforehand what the storage of the page cannot hold', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: WITHOUT_PICKERS });
    const folder = folderWith({ 'large.raw': '' });
    truncateSync(join(folder, 'large.raw'), 8 * 2 ** 40);
    await choose(page, join(folder, 'large.raw'));
    await check(page, ['raw', 'vhd']);
    expect(await resultOf(page, '#start')).toMatch(
      /^error: raw and vhd need 16\.0 TiB, and this browser gives the page .*: use one that saves to/,
    );
  });

  test('downloads without the File System Access API, and works offline once it was loaded', async () => {
    const { address, close } = await serve(PAGE);
    const { page } = await openPage(address, { first: WITHOUT_PICKERS });
    await page.evaluate('navigator.serviceWorker.ready');
    await page.waitForFunction('navigator.serviceWorker.controller !== null');
    close();
    await page.reload();
    await choose(page, BOOT_DISK);
    await check(page, ['vmdk']);
    expect(await resultOf(page, '#start')).toMatch(/disk\.vmdk: .*\nSHA-256 [0-9a-f]{64}/s);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('text=Save disk.vmdk'),
    ]);
    const saved = join(temporaryFolder(), 'saved.vmdk');
    await download.saveAs(saved);
    kexportOk('.', 'verify', saved, '--against', BOOT_DISK);
  });

  test('is one file as well, which needs no server', async () => {
    const opened = await openPage(pathToFileURL(PAGE_FILE).href, { first: WITHOUT_PICKERS });
    const { page } = opened;
    const { length: before } = opened.requests;
    await choose(page, BOOT_DISK);
    expect(await page.innerText('#facts')).toContain('GPT, 2 partitions');
    await check(page, ['qcow2', 'raw']);
    expect(await resultOf(page, '#start')).toContain('disk.raw: 8.0 MiB');
    expect(await resultOf(page, '#check')).toBe('sound, all 8388608 bytes of the disk can be read');
    await page.setInputFiles('#other', BOOT_DISK);
    await page.locator('#results', { hasText: 'and the same disk as disk.raw' }).waitFor();
    expectNothingAsked(opened, before);
  });

  test('makes a disk image of Google, of a whole GiB', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    await choose(page, BOOT_DISK);
    await check(page, ['gce']);
    await page.fill('#name', 'x');
    await resultOf(page, '#start');
    expect(await stored(page)).toEqual(await expectedOf(BOOT_DISK, ['gce']));
  });

  test('refuses hostile images with what the command says, and goes on', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    const memory = watchMemory();
    for (const [name, pattern] of HOSTILE) {
      const packed = readFileSync(fixturePath('hostile', `${name}.gz`));
      await choose(page, join(folderWith({ [name]: gunzipSync(packed) }), name));
      expect(await resultOf(page, '#start'), name).toMatch(pattern);
    }
    for (const path of largeFiles()) {
      await choose(page, path);
      expect(await resultOf(page, '#start'), basename(path)).toContain('.qcow2: ');
    }
    await choose(page, BOOT_DISK);
    expect(await resultOf(page, '#start')).toContain('disk.qcow2: ');
    expect(memory.most()).toBeLessThan(MEMORY_CEILING);
  });

  test('says what is wrong with an option, and which images it cannot make', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    await choose(page, BOOT_DISK);
    await page.click('summary');
    await page.fill('#option-level', '20');
    expect(await resultOf(page, '#start')).toBe(
      'error: --level: "20" is not a whole number from 1 to 19',
    );
    await page.fill('#option-level', '');
    await page.selectOption('#option-from', 'qcow2');
    expect(await resultOf(page, '#start')).toMatch(/^error: disk\.raw: /);
  });

  test.each([1280, 390])('is accessible at a width of %d', async (width) => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER, width });
    await choose(page, BOOT_DISK);
    await resultOf(page, '#start');
    await page.click('summary');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(axe.source);
      const found = await page.evaluate<axe.AxeResults>('axe.run()');
      expect(found.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
    }
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(width);
  });

  test('works by the keyboard', async () => {
    const { address } = await serve(PAGE);
    const { page } = await openPage(address, { first: AS_USER });
    await choose(page, BOOT_DISK);
    await page.focus('#file');
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate('document.activeElement.id')) === 'start') break;
    }
    await page.keyboard.press('Enter');
    await page.waitForSelector('#results .sum');
    expect(await page.evaluate('document.activeElement.id')).toBe('outcome');
  });
});
