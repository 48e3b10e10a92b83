import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KexportError, reasonOf, untilAborted } from '../../errors.ts';
import { ownFiles } from '../../runtime/own-files.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { abortOnSignals } from '../command-line/signals.ts';

const ADDRESS = '127.0.0.1';

/** Bytes of the token in the address of the page. */
const TOKEN_SIZE = 16;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // Threads share memory only in a page that these isolate from all others.
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Serves the page until a signal comes, and prints its address. */
export const run: Run = async (_, { port = 0 }) => {
  const page = await ownFiles.page();
  const path = `/${randomBytes(TOKEN_SIZE).toString('base64url')}/`;
  const server = createServer((request, response) => answer(request, response, path, page));
  await listen(server, port);
  const { port: own } = server.address() as AddressInfo; // it listens on a port
  try {
    await print(`http://${ADDRESS}:${own}${path}\n`);
    return await abortOnSignals((signal) =>
      untilAborted(new Promise<never>(() => undefined), signal),
    );
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const what = `cannot listen on ${ADDRESS}:${port}: ${reasonOf(cause)}`;
      reject(new KexportError('target', what, { cause, hint: 'choose another --port, or none' }));
    });
    server.listen(port, ADDRESS, resolve);
  });
}

/** Serves nothing but the page, and only to who knows its address. */
function answer(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  path: string,
  page: Uint8Array,
): void {
  // Another name would be that of a site which has made its name resolve to this machine.
  const isOwn = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '');
  if (!isOwn || url !== path || (method !== 'GET' && method !== 'HEAD')) {
    response.writeHead(404, { 'content-length': 0 }).end();
    return;
  }
  response.writeHead(200, { ...HEADERS, 'content-length': page.length });
  response.end(method === 'HEAD' ? undefined : page);
}
