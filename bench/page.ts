// The page of `kexport page` in Debian's chromium, as something that is measured.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { Run } from './measure.ts';

/** A page in a browser that was started for it. */
export interface MeasuredPage {
  /** Makes an image of a disk with one thread, and hashes it, as the page always does. */
  measure(disk: string, format: string): Promise<Run>;
  close(): Promise<void>;
}

/** Lets a user choose a file: one in the storage of the page, which does not ask. */
const CHOOSE = `
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
`;

/** Removes the image that was made, and returns its size. */
const TAKE_SIZE = `(async () => {
  const folder = await navigator.storage.getDirectory();
  let sum = 0;
  for await (const [name, handle] of folder.entries()) {
    sum += (await handle.getFile()).size;
    await folder.removeEntry(name);
  }
  return sum;
})()`;

/** Chooses one format, and one thread. */
const choose = (format: string) => `{
  for (const box of document.querySelectorAll('[id^="format-"]')) {
    if (box.checked !== (box.id === 'format-${format}')) box.click();
  }
  document.querySelector('#option-threads').value = '1';
}`;

/** Starts, and resolves when the sums are there: what looks for them again and again is late. */
const START = `new Promise((resolve) => {
  const results = document.querySelector('#results');
  const look = (_, observer) => {
    if (!results.querySelector('.sum')) return;
    observer.disconnect();
    resolve();
  };
  new MutationObserver(look).observe(results, { childList: true, subtree: true });
  document.querySelector('#start').click();
})`;

/** In a second, of the times in /proc: USER_HZ, which Linux shows to programs everywhere. */
const TICKS = 100;

const TIMEOUT = 15 * 60_000;

/** Opens the page that a command serves; undefined if there is no chromium. */
export async function openMeasuredPage(main: string): Promise<MeasuredPage | undefined> {
  const found = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' });
  if (found.status !== 0) return undefined;
  const server = spawn(process.execPath, [main, 'page'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [address] = (await once(server.stdout, 'data')) as [Buffer];
  const executablePath = found.stdout.trim();
  // Without a profile, the storage of a page is in the memory of the browser, and slow.
  const profile = mkdtempSync(join(tmpdir(), 'kexport-profile-'));
  // As root it has no sandbox of its own.
  const options = { executablePath, args: ['--no-sandbox'] };
  const browser = await chromium.launchPersistentContext(profile, options);
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  await page.addInitScript(CHOOSE);
  await page.goto(address.toString().trim());
  return {
    measure: (disk, format) => measureExport(page, disk, format),
    async close() {
      await browser.close();
      server.kill();
      rmSync(profile, { recursive: true });
    },
  };
}

async function measureExport(page: Page, disk: string, format: string): Promise<Run> {
  await page.reload();
  await page.setInputFiles('#file', disk);
  await page.waitForSelector('.picture');
  await page.evaluate(choose(format));
  const before = timesOfBrowser();
  const began = performance.now();
  await page.evaluate(START);
  const wall = (performance.now() - began) / 1000;
  const after = timesOfBrowser();
  const size = await page.evaluate<number>(TAKE_SIZE);
  const cpu = after.cpu - before.cpu;
  return { wall, cpu, system: after.system - before.system, peak: after.peak, size };
}

/** Of the processes of chromium so far: `peak` is that of the largest page. */
function timesOfBrowser(): Pick<Run, 'cpu' | 'system' | 'peak'> {
  let [user, system, peak] = [0, 0, 0];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (!words.includes('chromium')) continue;
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // What follows the name of the program, which may have spaces: proc(5).
      const figures = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      user += (figures[11] ?? 0) / TICKS;
      system += (figures[12] ?? 0) / TICKS;
      if (!words.includes('--type=renderer')) continue;
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      peak = Math.max(peak, 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // it has ended
    }
  }
  return { cpu: user + system, system, peak };
}
