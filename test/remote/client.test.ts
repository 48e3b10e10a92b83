import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createPlain, type Server as HttpServer } from 'node:http';
import { createServer as createSecure } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createSilent,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { KexportError } from '../../src/errors.ts';
import { type ClientOptions, httpClient, type HttpRequest } from '../../src/remote/http/client.ts';
import { failureOf } from '../../src/remote/http/failure.ts';
import { proxyFor } from '../../src/remote/http/proxy.ts';
import { hideQuery } from '../../src/remote/hide-query.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { type Double, oneByOne, startDouble } from './double.ts';

const HELLO = { status: 200, body: 'hello' };

let double: Double;
beforeEach(async () => {
  double = await startDouble(() => HELLO);
});
afterEach(() => double.close());

/** Sends a GET, and returns the body of the answer and how many requests were repeated. */
async function get(options: Partial<ClientOptions> = {}, request: Partial<HttpRequest> = {}) {
  let retries = 0;
  const onRetry = () => {
    retries++;
  };
  const client = httpClient({
    code: 'target',
    env: {},
    firstWait: 1,
    patience: 200,
    onRetry,
    ...options,
  });
  try {
    const url = new URL(`${double.url}/place?sig=topsecretsignature`);
    const { body } = await client.send({ what: 'get the place', method: 'GET', url, ...request });
    return { text: body.toString(), retries };
  } finally {
    client.close();
  }
}

test('a client that is closed gives up what is under way, and sends nothing again', async () => {
  double.faults = () => 'hang';
  const client = httpClient({ code: 'target', env: {}, firstWait: 1 });
  const url = new URL(double.url);
  const sent = [1, 2, 3].map((n) => client.send({ what: `get ${n}`, method: 'GET', url }));
  const ended = Promise.allSettled(sent);
  await until(() => double.requests.length === sent.length);
  client.close();
  for (const { status, reason } of (await ended) as PromiseRejectedResult[]) {
    expect(status).toBe('rejected');
    expect(reason).toMatchObject({ code: 'aborted' });
  }
  await expect(client.send({ what: 'get 4', method: 'GET', url })).rejects.toThrow('interrupted');
  expect(double.requests).toHaveLength(sent.length);
});

describe('a request', () => {
  test.each([
    ['the connection breaks', 'reset' as const],
    ['the answer breaks off', 'half' as const],
    ['the server is busy', { status: 503 }],
    ['the server has an error', { status: 500 }],
    ['there are too many', { status: 429, headers: { 'retry-after': '0' } }],
  ])('is sent again if %s', async (_, fault) => {
    double.faults = oneByOne(fault, fault);
    expect(await get()).toEqual({ text: 'hello', retries: 2 });
  });

  test('is sent again if no answer comes in time', async () => {
    double.faults = oneByOne('hang');
    const timeouts = { idle: 1000 };
    expect(await get({ timeouts, patience: 20_000 })).toEqual({ text: 'hello', retries: 1 });
  });

  test('ends within its time if the answer drips', async () => {
    const slow = createPlain((_, answer) => {
      const timer = setInterval(() => answer.write('x'), 5);
      answer.on('close', () => clearInterval(timer));
    });
    const url = new URL(await listen(slow));
    const timeouts = { idle: 1000, total: 60 };
    await expect(get({ timeouts, patience: 0 }, { url })).rejects.toThrow(/within 0.06 s/);
    slow.closeAllConnections();
    slow.close();
  });

  test('waits as long as Retry-After says', async () => {
    double.faults = oneByOne({ status: 503, headers: { 'retry-after': '1' } });
    const start = performance.now();
    await get({ patience: 5000 });
    expect(performance.now() - start).toBeGreaterThan(990);
  });

  test('is given up when its patience ends, and the error says how often it was sent', async () => {
    double.faults = () => ({ status: 503 });
    await expect(get({ patience: 0 })).rejects.toThrow(
      'cannot get the place: HTTP 503 (tried 3 times)',
    );
  });

  test('is not sent again if it is refused, and no secret is in the error', async () => {
    hideQuery(new URL(`${double.url}/place?sig=topsecretsignature`));
    const headers = {
      'x-seen': 'topsecretsignature',
      location: 'https://a.test/b?sig=another-signature',
      'set-cookie': 'id=another-secret',
    };
    double.faults = () => ({ status: 403, headers, body: 'sig topsecretsignature is wrong' });
    const explain = ({ body }: { body: Buffer }) => ({ code: 'Denied', message: body.toString() });
    const error = await get({}, { explain }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KexportError);
    expect((error as Error).message).toBe(
      'cannot get the place: HTTP 403, Denied: sig *** is wrong',
    );
    expect(failureOf(error)?.status).toBe(403);
    expect(inspect(error)).toMatch(/sig \*\*\* is wrong[^]*'x-seen': '\*\*\*'/);
    expect(inspect(error)).not.toMatch(/topsecret|another/);
    expect(double.requests).toHaveLength(1);
  });

  test('is given up at once where no server is', async () => {
    const url = new URL(double.url);
    await double.close();
    await expect(get({ patience: 60_000 }, { url })).rejects.toThrow(
      /^cannot get the place at http:\/\/127.0.0.1:\d+\/: connect ECONNREFUSED [\d.:]+$/,
    );
  });

  test('ends when its signal is aborted, also while it waits to be sent again', async () => {
    double.faults = () => ({ status: 503, headers: { 'retry-after': '100' } });
    const stop = new AbortController();
    const onRetry = () => stop.abort();
    const work = get({ patience: 1e6, onRetry }, { signal: stop.signal });
    await expect(work).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a body that is made while it is sent', () => {
  const COUNT = 200;
  let made: number;
  const body = {
    length: COUNT * 65_536,
    async *pieces() {
      for (made = 0; made < COUNT; made++) yield await Promise.resolve(Buffer.alloc(65_536, made));
    },
  };

  test('arrives whole, anew in each attempt', async () => {
    double.faults = oneByOne('reset');
    await get({}, { method: 'PUT', body });
    const bodies = double.requests.map((request) => request.body);
    expect(bodies.map(({ length }) => length)).toEqual([body.length, body.length]);
    expect(bodies[1]?.at(-1)).toBe(COUNT - 1);
  });

  test('is not made faster than it is taken, nor further after a refusal', async () => {
    let refuse: () => void = () => undefined;
    const slow = createPlain((_, answer) => {
      refuse = () => answer.writeHead(403).end(); // and nothing of the body is read
    });
    const url = new URL(await listen(slow));
    const work = get({}, { method: 'PUT', body, url });
    const refused = expect(work).rejects.toThrow(/HTTP 403/);
    let halted = -1;
    while (halted !== made) {
      halted = made;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(halted).toBeLessThan(COUNT);
    refuse();
    await refused;
    expect(made).toBeLessThan(halted + 4);
    slow.closeAllConnections();
    slow.close();
  });

  test('may take longer than a timer waits', async () => {
    const refusing = createPlain((_, answer) => answer.writeHead(403).end());
    const url = new URL(await listen(refusing));
    const huge = { ...body, length: 2 ** 40 };
    await expect(get({}, { method: 'PUT', body: huge, url })).rejects.toThrow(/HTTP 403/);
    refusing.closeAllConnections();
    refusing.close();
  });

  test('that cannot be made fails the request', async () => {
    const broken = {
      length: 10,
      // eslint-disable-next-line require-yield
      async *pieces() {
        throw await Promise.resolve(new Error('the spool file is gone'));
      },
    };
    const work = get({ patience: 0 }, { method: 'PUT', body: broken });
    await expect(work).rejects.toThrow(/the spool file is gone/);
  });
});

describe('the way to a server', () => {
  let tls: Server;
  let tlsUrl: string;
  let ca: string;
  const tunnels: string[] = [];

  beforeEach(async () => {
    tunnels.length = 0;
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=store.test'],
        ...['-addext', 'subjectAltName=DNS:store.test,IP:127.0.0.1,IP:2001:db8::5'],
      ],
      { stdio: 'ignore' },
    );
    ca = cert;
    const identity = { key: readFileSync(key), cert: readFileSync(cert) };
    tls = createSecure(identity, (_, answer) => answer.end('secure'));
    tlsUrl = (await listen(tls)).replace('http:', 'https:');
  });
  afterEach(() => tls.close());

  test('needs a certificate that is trusted, which SSL_CERT_FILE can add', async () => {
    const url = new URL(tlsUrl);
    await expect(get({ patience: 60_000 }, { url })).rejects.toThrow(/self-signed certificate/);
    expect((await get({ env: { SSL_CERT_FILE: ca } }, { url })).text).toBe('secure');
  });

  test('trusts those of NODE_EXTRA_CA_CERTS beside those of other variables', async () => {
    const others = join(temporaryFolder(), 'others.pem');
    writeFileSync(others, rootCertificates[0] ?? '');
    const env = { NODE_EXTRA_CA_CERTS: ca, AWS_CA_BUNDLE: others };
    expect((await get({ env }, { url: new URL(tlsUrl) })).text).toBe('secure');
  });

  test('says so if the certificates to add cannot be read', async () => {
    await expect(get({ env: { AWS_CA_BUNDLE: '/nowhere/ca.pem' } })).rejects.toThrow(
      /cannot read the certificates in \/nowhere\/ca.pem, which AWS_CA_BUNDLE names/,
    );
  });

  /** Starts a proxy whose tunnels all end at the server. It answers as given at first. */
  async function startTunnels(...answers: string[]): Promise<string> {
    const proxy = createPlain();
    proxy.on('connect', (request, client) => {
      tunnels.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
      const answer = answers.shift();
      if (answer !== undefined) {
        client.end(`HTTP/1.1 ${answer}\r\n\r\n`);
        return;
      }
      const server = connect(Number(new URL(tlsUrl).port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(server).pipe(client);
      });
    });
    onTestFinished(() => stop(proxy));
    return listen(proxy);
  }

  test('leads through the tunnel of a proxy, with its password', async () => {
    const address = (await startTunnels()).replace('//', '//user:50%%20off@');
    const env = { SSL_CERT_FILE: ca, HTTPS_PROXY: address };
    expect((await get({ env }, { url: new URL('https://store.test/x') })).text).toBe('secure');
    const credentials = Buffer.from('user:50% off').toString('base64');
    expect(tunnels).toEqual([`store.test:443 Basic ${credentials}`]);
    // This machine is not reached through it.
    expect((await get({ env }, { url: new URL(tlsUrl) })).text).toBe('secure');
    expect(tunnels).toHaveLength(1);
  });

  test('is asked for again of a proxy that is busy, and not of one that refuses', async () => {
    const proxy = await startTunnels('503 Busy', '407 Proxy Authentication Required');
    const env = { SSL_CERT_FILE: ca, HTTPS_PROXY: proxy };
    const work = get({ env, patience: 60_000 }, { url: new URL('https://store.test/x') });
    await expect(work).rejects.toThrow(
      `the proxy ${proxy}/ answered 407 to CONNECT store.test:443 (tried 2 times)`,
    );
  });

  test('leads through a tunnel to an address of IPv6, whose certificate must name it', async () => {
    const env = { SSL_CERT_FILE: ca, HTTPS_PROXY: await startTunnels() };
    const url = new URL('https://[2001:db8::5]/x');
    expect((await get({ env }, { url })).text).toBe('secure');
    expect(tunnels).toEqual(['[2001:db8::5]:443 ']);
    const other = get({ env }, { url: new URL('https://[2001:db8::6]/x') });
    await expect(other).rejects.toThrow(/2001:db8::6 is not in the cert's list/);
  });

  test.each(['http', 'https'])('leads to a proxy at an address of IPv6 by %s', async (protocol) => {
    const env = { [`${protocol}_proxy`]: 'http://[::1]:9' };
    const work = get({ env, patience: 0 }, { url: new URL(`${protocol}://store.test/`) });
    await expect(work).rejects.toThrow(/connect E[A-Z]+ ::1:9/);
  });

  test('leads through a plain proxy, with its password', async () => {
    const asked: (string | undefined)[][] = [];
    const proxy = createPlain(({ url, headers }, answer) => {
      asked.push([url, headers.host, headers['proxy-authorization'], headers.authorization]);
      answer.end('by proxy');
    });
    onTestFinished(() => stop(proxy));
    const address = (await listen(proxy)).replace('//', '//user:50%off@');
    const env = { http_proxy: address };
    const url = new URL('http://me:100%mine@store.test/x?y=1');
    expect((await get({ env }, { url })).text).toBe('by proxy');
    const [toProxy, toServer] = ['user:50%off', 'me:100%mine'].map(
      (pair) => `Basic ${Buffer.from(pair).toString('base64')}`,
    );
    expect(asked).toEqual([['http://store.test/x?y=1', 'store.test', toProxy, toServer]]);
  });
});

describe('a connection that is never made', () => {
  let silent: Server;
  let silentUrl: string;
  let onConnection: () => void;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    onConnection = () => undefined;
    silent = createSilent((socket) => {
      sockets.add(socket);
      socket.resume().on('close', () => sockets.delete(socket));
      onConnection();
    });
    silentUrl = await listen(silent);
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  const ways: [way: string, attempt: () => [Partial<ClientOptions>, URL]][] = [
    ['through a proxy', () => [{ env: { HTTPS_PROXY: silentUrl } }, new URL('https://store.test')]],
    [
      'to a server with a fingerprint',
      () => [{ fingerprint: 'AA' }, new URL(silentUrl.replace('http:', 'https:'))],
    ],
  ];

  test.each(ways)('%s is closed when the request is aborted', async (_, attempt) => {
    const [options, url] = attempt();
    const stop = new AbortController();
    onConnection = () => stop.abort();
    await expect(get(options, { url, signal: stop.signal })).rejects.toThrow('interrupted');
    await until(() => sockets.size === 0);
  });

  test.each(ways)('%s is closed when its time is over', async (_, attempt) => {
    const [options, url] = attempt();
    const timeouts = { connect: 50 };
    await expect(get({ ...options, patience: 0, timeouts }, { url })).rejects.toThrow(
      /no connection to [^ ]+ within 0.05 s/,
    );
    await until(() => sockets.size === 0);
  });
});

test.each([
  ['intern.test', 'http://intern.test', true],
  ['Intern.TEST', 'http://intern.test', true],
  ['other.test, intern.test', 'https://a.intern.test', true],
  ['*.intern.test', 'http://a.intern.test', true],
  ['.intern.test', 'http://a.intern.test', true],
  ['.intern.test', 'http://intern.test', false],
  ['intern.test', 'http://pintern.test', false],
  ['intern.test:8080', 'http://intern.test:8080', true],
  ['intern.test:443', 'https://intern.test', true],
  ['intern.test:8080', 'http://intern.test', false],
  ['2001:db8::5', 'http://[2001:db8::5]', true],
  ['[2001:DB8::5]:80', 'http://[2001:db8::5]', true],
  ['2001:db8::5', 'http://[2001:db8::6]', false],
  ['*', 'http://intern.test', true],
  ['', 'http://127.0.0.1', true],
])('NO_PROXY=%s and %s: direct is %s', (noProxy, address, isDirect) => {
  const proxy = 'http://proxy.test:3128';
  const env = { http_proxy: proxy, https_proxy: proxy, NO_PROXY: noProxy };
  expect(proxyFor(new URL(address), env) === undefined).toBe(isDirect);
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: HttpServer): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
