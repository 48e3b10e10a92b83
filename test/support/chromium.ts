// Debian's chromium, driven over its protocol, and a server for what it opens.

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';
import { run } from './peers.ts';

/** The program, for `describeWith`. */
export const CHROMIUM = 'chromium';

let browser: Promise<Browser> | undefined;

/** The browser of a file of tests, which is started once. */
function started(): Promise<Browser> {
  if (browser) return browser;
  const executablePath = run('sh', '-c', 'command -v chromium').trim();
  // As root it has no sandbox of its own.
  browser = chromium.launch({ executablePath, args: ['--no-sandbox'] });
  return browser;
}

afterAll(async () => {
  await (await browser)?.close();
});

/** What the processes of a page may take together, in bytes: docs/browser.md says so. */
export const MEMORY_CEILING = 768 * 2 ** 20;

/** Looks at the memory of the pages twice a second. `most` ends that, and returns it in bytes. */
export function watchMemory(): { most: () => number } {
  let most = memoryOfPages();
  const timer = setInterval(() => (most = Math.max(most, memoryOfPages())), 500);
  return {
    most() {
      clearInterval(timer);
      return Math.max(most, memoryOfPages());
    },
  };
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

/** What a page did that it must not do. */
export interface OpenPage {
  readonly page: Page;
  /** The addresses of all requests so far. */
  readonly requests: string[];
  /** Errors that nobody caught, and what the browser complained about. */
  readonly complaints: string[];
}

/** Opens an address in a context of its own, after the script `first` has run in it. */
export async function openPage(
  address: string,
  { first = '', width = 1280 }: { readonly first?: string; readonly width?: number } = {},
): Promise<OpenPage> {
  const viewport = { width, height: 900 };
  const context = await (await started()).newContext({ viewport });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(120_000); // machines are shared
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.addInitScript(first);
  await page.goto(address);
  return { page, requests, complaints };
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** How a folder is served. */
export interface ServeOptions {
  /** Whether pages are isolated from others, so that threads share memory. Default true. */
  readonly isIsolated?: boolean;
  /** Further files by their names, also in parts. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** Serves a folder until the test ends, or `close` is called; returns its address. */
export async function serve(
  folder: string,
  { isIsolated = true, files = {} }: ServeOptions = {},
): Promise<{ readonly address: string; readonly close: () => void }> {
  const isolation = isIsolated && {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  const server = createServer(({ url = '', headers }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    const found = files[name] ?? readFile(join(folder, name)).catch(() => Buffer.alloc(0));
    void Promise.resolve(found).then((bytes) => {
      const type = TYPES[extname(name)] ?? 'text/plain';
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
      response.writeHead(from === undefined ? 200 : 206, {
        ...isolation,
        'content-type': type,
        'content-length': part.length,
        ...(from !== undefined && { 'content-range': `bytes ${from}-${to ?? ''}/${bytes.length}` }),
      });
      response.end(part); // without it in an answer to HEAD
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  return { address: `http://127.0.0.1:${port}/`, close };
}
