// Debian's chromium, driven over its protocol, and a server for what it opens.

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
}

/** Serves a folder until the test ends, or `close` is called; returns its address. */
export async function serve(folder: string, { isIsolated = true }: ServeOptions = {}) {
  const headers = isIsolated && {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const name = pathname.endsWith('/') ? 'index.html' : pathname;
    readFile(join(folder, name)).then(
      (bytes) => {
        const type = TYPES[extname(name)] ?? 'text/plain';
        response.writeHead(200, { ...headers, 'content-type': type }).end(bytes);
      },
      () =>
        response
          .writeHead(name === 'index.html' ? 200 : 404, { ...headers, 'content-type': 'text/html' })
          .end(),
    );
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
