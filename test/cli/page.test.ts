import { createServer } from 'node:http';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startKexport, kexportMeanwhile } from '../support/kexport.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

function fetched(address: string, host?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(address, { headers: host === undefined ? {} : { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    request.on('error', reject);
  });
}

/** Starts the command, and waits for the address that it prints. */
async function started(...options: string[]) {
  const running = startKexport(['page', ...options], '.');
  onTestFinished(() => void running.child.kill('SIGKILL'));
  const address = await new Promise<string>((resolve) => {
    running.child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
  });
  return { ...running, address };
}

describe('kexport page', () => {
  test('serves the page at an address that nobody guesses, isolated, to this machine', async () => {
    const { address, child, ended } = await started();
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/$/);
    const { status, headers, body } = await fetched(address);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    expect(body).toContain("connect-src 'none'");
    const { origin } = new URL(address);
    for (const other of [`${origin}/`, `${origin}/index.html`, `${address}x`]) {
      expect((await fetched(other)).status, other).toBe(404);
    }
    expect((await fetched(address, 'evil.example')).status).toBe(404); // DNS rebinding
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ status: 130, stderr: 'kexport: interrupted\n' });
  });

  test('listens where --port says, or says why it cannot', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const { status, stderr } = await kexportMeanwhile(['page', '--port', String(port)]);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `kexport: cannot listen on 127.0.0.1:${port}: address already in use (EADDRINUSE) (choose another --port, or none)\n`,
    );
    taken.close();
    const { address } = await started('--port', String(port));
    expect(new URL(address).port).toBe(String(port));
  });
});
