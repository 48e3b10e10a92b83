import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { containerdisk } from '../../formats/index.ts';
import { throwIfAborted, type Warning } from '../../src/errors.ts';
import { ociSink } from '../../src/remote/registry/oci-sink.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { noise } from '../support/disks.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { writeImage } from '../support/write-image.ts';
import { everyNth, type Fault, type Received } from './double.ts';
import {
  basicOf,
  digestOf,
  PASSWORD,
  type RegistryDouble,
  startRegistry,
  TOKEN,
  USER,
} from './registry-double.ts';

const MIB = 2 ** 20;
let large: Buffer; // an archive with a layer of two chunks
let small: Buffer; // of one
beforeAll(async () => {
  large = await archiveOf(noise(20 * MIB));
  small = await archiveOf(noise(MIB));
});

async function archiveOf(bytes: Buffer): Promise<Buffer> {
  const disk = { name: 'disk', size: bytes.length, pieces: [{ offset: 0, bytes }] };
  return (await writeImage(containerdisk(), disk)).bytes;
}

const ANYBODY = { HOME: '/nowhere', XDG_RUNTIME_DIR: '/nowhere' };

let registry: RegistryDouble;
let name: string;
beforeEach(async () => {
  registry = await startRegistry();
  name = `oci://${new URL(registry.url).host}/vms/web1:1.0`;
});
afterEach(() => registry.close());

/** Sends an archive, as an export does. Returns what is reported. */
async function send(options: SendOptions = {}, signal?: AbortSignal, archive = small) {
  const how = { env: ANYBODY, firstWait: 1, patience: 500, ...options };
  await using sink = await ociSink(name, how);
  await sink.write(0, [archive], signal);
  await sink.finish(archive.length, signal);
  if (options.verify) {
    const found = Buffer.alloc(archive.length);
    await sink.readBack?.(archive.length, signal).read(0, found);
    expect(found.equals(archive)).toBe(true);
  }
  throwIfAborted(signal);
  await sink.commit();
  return sink.ids ?? {};
}

function isChunk({ method }: Received): boolean {
  return method === 'PATCH';
}

/** Whether nothing is in the registry. */
function isEmpty(): boolean {
  const { blobs, manifests, tags, uploads } = registry;
  return [blobs, manifests, tags, uploads].every(({ size }) => size === 0);
}

describe('an image in a registry', () => {
  test('has the blobs and the manifest of the archive', async () => {
    const ids = await send({}, undefined, large);
    const layer = registry.blobs.get(ids['layer'] ?? '') ?? Buffer.alloc(0);
    expect(layer.length).toBeGreaterThan(20 * MIB);
    expect(large.subarray(512, 512 + layer.length).equals(layer)).toBe(true);
    const digest = registry.tags.get('1.0') ?? '';
    expect(ids['digest']).toBe(digest);
    expect(ids['reference']).toBe(`${new URL(registry.url).host}/vms/web1@${digest}`);
    expect(large.includes(registry.manifests.get(digest)?.bytes ?? '')).toBe(true);
    expect(registry.blobs.size).toBe(2);
    expect(registry.uploads.size).toBe(0);
  });

  test.each([
    ['that forgets uploads', false],
    ['that goes on with them', true],
  ])('arrives whole if a fifth of the requests fail, in a registry %s', async (_, isLenient) => {
    registry.state.isLenient = isLenient;
    registry.faults = everyNth(5, 'reset', { status: 503 }, 'lost', { status: 500 }, 'half', {
      status: 429,
    });
    const ids = await send({ patience: 5000 }, undefined, large);
    const layer = registry.blobs.get(ids['layer'] ?? '') ?? Buffer.alloc(0);
    expect(layer.length).toBeGreaterThan(20 * MIB);
    expect(large.subarray(512, 512 + layer.length).equals(layer)).toBe(true);
    expect(registry.tags.get('1.0')).toBe(ids['digest']);
  });

  test('goes on after a chunk whose answer was lost', async () => {
    registry.state.isLenient = true;
    let lost = 0;
    registry.faults = (request) => (isChunk(request) && lost++ === 0 ? 'lost' : undefined);
    await send({}, undefined, large);
    const chunks = registry.requests.filter(isChunk).map(({ body }) => body.length);
    expect(chunks[0]).toBe(16 * MIB);
    expect(chunks).toHaveLength(3); // the rest of the layer, and the configuration
  });

  test.each(['0-0', '0--1', undefined])(
    'is sent again if nothing of its first chunk has arrived, and the registry says %s',
    async (range) => {
      registry.state.rangeOfNothing = range;
      let broken = 0;
      registry.faults = (request) => (isChunk(request) && broken++ === 0 ? 'reset' : undefined);
      await send();
      expect(registry.tags.size).toBe(1);
      const begun = registry.requests.filter(({ method }) => method === 'POST');
      expect(begun).toHaveLength(2); // the layer and the configuration, each once
    },
  );

  test('has chunks as large as the registry wants, and is sent again after a hang', async () => {
    registry.state.leastChunk = 18 * MIB;
    let hung = 0;
    registry.faults = (request) => (isChunk(request) && hung++ === 0 ? 'hang' : undefined);
    await send({ timeouts: { idle: 1000 }, patience: 20_000 }, undefined, large);
    expect(registry.tags.size).toBe(1);
  });

  test('has no blob and no tag until it is committed', async () => {
    const sink = await ociSink(name, { env: ANYBODY });
    await sink.write(0, [small]);
    await sink.finish(small.length);
    expect(registry.blobs.size + registry.tags.size).toBe(0);
    await sink.commit();
    expect(registry.tags.size).toBe(1);
    await sink.settle?.();
  });

  test('is not sent twice', async () => {
    await send();
    const before = registry.requests.length;
    await send({ force: true });
    expect(registry.requests.slice(before).some(isChunk)).toBe(false);
  });

  test('is read back, also from another place', async () => {
    registry.state.redirects = true;
    registry.state.access = 'basic';
    await send({ verify: true, env: withLogin({ auth: pair(USER, PASSWORD) }) });
    expect(registry.requests.some(({ url }) => url.pathname.startsWith('/elsewhere/'))).toBe(true);
  });
});

describe('a tag that exists', () => {
  const other = Buffer.from('{}');
  beforeEach(() => {
    registry.tags.set('1.0', digestOf(other));
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    registry.manifests.set(digestOf(other), { bytes: other, mediaType });
  });

  test('is not replaced without force', async () => {
    await expect(send()).rejects.toMatchObject({ code: 'exists', message: `${name} exists` });
    expect(registry.tags.get('1.0')).toBe(digestOf(other));
    expect(registry.uploads.size).toBe(0);
  });

  test('is not replaced if it appears during the upload', async () => {
    registry.tags.clear();
    registry.faults = (request) => {
      if (isChunk(request)) registry.tags.set('1.0', digestOf(other));
      return undefined;
    };
    await expect(send()).rejects.toMatchObject({ code: 'exists' });
    expect(registry.tags.get('1.0')).toBe(digestOf(other));
    expect(registry.blobs.size).toBe(0);
  });

  test('is replaced with force', async () => {
    const ids = await send({ force: true });
    expect(registry.tags.get('1.0')).toBe(ids['digest']);
  });
});

describe('a failed push', () => {
  test.each(Array.from({ length: 10 }, (_, index) => index))(
    'leaves nothing if it is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      registry.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({ verify: true }, stop.signal).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(isEmpty()).toBe(true);
      expect(registry.uploads.size).toBe(0);
    },
  );

  test('leaves neither a tag nor a blob if the manifest is refused', async () => {
    registry.faults = ({ method, url }) =>
      method === 'PUT' && url.pathname.includes('/manifests/') ? { status: 400 } : undefined;
    await expect(send()).rejects.toThrow(`cannot push the manifest of ${name}: HTTP 400`);
    expect(isEmpty()).toBe(true);
  });

  describe('of a manifest that was there before', () => {
    const isManifest = ({ method, url }: Received) =>
      method === 'PUT' && url.pathname.includes('/manifests/');
    let former: string;
    beforeEach(async () => {
      await send();
      former = name;
      name = name.replace('1.0', '2.0');
    });

    async function failWith(fault: Fault, options: SendOptions = {}): Promise<string[]> {
      const warnings: Warning[] = [];
      const onWarning = (warning: Warning) => void warnings.push(warning);
      registry.faults = (request) => (isManifest(request) ? fault : undefined);
      await expect(send({ onWarning, patience: 0, ...options })).rejects.toThrow(/cannot push/);
      expect(registry.manifests.size).toBe(1);
      expect(registry.tags.has('1.0')).toBe(true);
      return warnings.map(({ message }) => message);
    }

    test('leaves it and its tags', async () => {
      expect(await failWith({ status: 403 })).toEqual([]);
    });

    test('removes its own tag where the registry can do that', async () => {
      registry.state.untags = true;
      expect(await failWith('lost')).toEqual([]);
      expect(registry.tags.has('2.0')).toBe(false);
    });

    test('names its own tag where the registry cannot', async () => {
      const place = name.replace('oci://', '');
      expect(await failWith('lost')).toEqual([
        expect.stringContaining(`; regctl tag delete ${place} does it`),
      ]);
    });

    test('leaves a tag that has named it before', async () => {
      registry.state.untags = true;
      name = former;
      expect(await failWith('lost', { force: true })).toEqual([]);
    });
  });

  test('names what the registry does not delete', async () => {
    const warnings: Warning[] = [];
    registry.state.deletes = false;
    registry.faults = ({ method, url }) =>
      method === 'PUT' && url.pathname.includes('/manifests/') ? 'lost' : undefined;
    const onWarning = (warning: Warning) => void warnings.push(warning);
    await expect(send({ onWarning, patience: 0 })).rejects.toThrow(/tried 3 times/);
    const messages = warnings.map(({ message }) => message);
    expect(messages[0]).toContain(`skopeo delete ${name.replace('oci:', 'docker:')} does it`);
    expect(messages[1]).toContain('the garbage collection of the registry does it');
  });

  test('says what makes no sense', async () => {
    await expect(ociSink(name, { formatName: 'qcow2' })).rejects.toThrow(/not a qcow2/);
    for (const wrong of ['oci://host', 'oci://host/web1', 'oci://host/Web1:1', 'oci://h/w:1/x']) {
      await expect(ociSink(wrong, {})).rejects.toThrow(/does not name an image in a registry/);
    }
  });
});

function pair(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}

/** The environment of a program that has a login in the file of podman. */
function withLogin(login: object): Record<string, string> {
  const path = join(temporaryFolder(), 'auth.json');
  const { host } = new URL(registry.url);
  writeFileSync(path, JSON.stringify({ auths: { other: {}, [host]: login } }));
  return { ...ANYBODY, REGISTRY_AUTH_FILE: path };
}

describe('a login', () => {
  test('is taken from the file of docker, with its old names', async () => {
    registry.state.access = 'basic';
    const folder = temporaryFolder();
    const auths = { [`https://${new URL(registry.url).host}/v2/`]: { auth: pair(USER, PASSWORD) } };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
    await send({ env: { ...ANYBODY, DOCKER_CONFIG: folder } });
    expect(registry.tags.size).toBe(1);
  });

  /** The environment of a program that has a helper of docker, which runs a script. */
  function withHelper(script: string, auths: object = {}): Record<string, string> {
    const folder = fakeCommands({ 'docker-credential-test18': script });
    const { host } = new URL(registry.url);
    const config = { credsStore: 'none', credHelpers: { [host]: 'test18' }, auths };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    vi.stubEnv('PATH', pathWith(folder));
    return { ...ANYBODY, DOCKER_CONFIG: folder };
  }
  afterEach(() => void vi.unstubAllEnvs());

  test('is taken from the folders of the user if variables are empty', async () => {
    registry.state.access = 'basic';
    const HOME = temporaryFolder();
    mkdirSync(join(HOME, '.docker'));
    const auths = { [new URL(registry.url).host]: { auth: pair(USER, PASSWORD) } };
    writeFileSync(join(HOME, '.docker/config.json'), JSON.stringify({ auths }));
    const empty = { XDG_RUNTIME_DIR: '', XDG_CONFIG_HOME: '', DOCKER_CONFIG: '' };
    await send({ env: { ...empty, HOME } });
    expect(registry.tags.size).toBe(1);
  });

  test('is asked of a helper of docker', async () => {
    registry.state.access = 'basic';
    const answer = JSON.stringify({ ServerURL: 'x', Username: USER, Secret: PASSWORD });
    const { host } = new URL(registry.url);
    await send({
      env: withHelper(`read -r server\n[ "$server" = ${host} ] && echo '${answer}'`),
    });
    expect(registry.tags.size).toBe(1);
  });

  test('is that of the file, or none, if the helper has none', async () => {
    const script = "echo 'credentials not found in native keychain'; exit 1";
    registry.state.access = 'basic';
    const { host } = new URL(registry.url);
    await send({ env: withHelper(script, { [host]: { auth: pair(USER, PASSWORD) } }) });
    expect(registry.tags.size).toBe(1);
    registry.state.access = 'bearer';
    registry.state.giveToken = ({ headers }) => {
      expect(headers['authorization']).toBeUndefined();
      registry.state.tokens.add(TOKEN);
      return { status: 200, body: JSON.stringify({ token: TOKEN }) };
    };
    await send({ force: true, env: withHelper(script) });
  });

  test('is not waited for by a run that is aborted', async () => {
    registry.state.access = 'basic';
    const env = withHelper('touch hangs; exec tail -f /dev/null');
    const stop = new AbortController();
    const sending = send({ env, signal: stop.signal }).catch((error: unknown) => error);
    await until(() => existsSync(join(env['DOCKER_CONFIG'] ?? '', 'hangs')));
    stop.abort();
    expect(await sending).toMatchObject({ code: 'aborted' });
  }, 30_000);

  test('that a helper cannot give is an error', async () => {
    registry.state.access = 'basic';
    await expect(send({ env: withHelper('echo it is locked >&2; exit 1') })).rejects.toThrow(
      'cannot get credentials from docker-credential-test18: it is locked',
    );
  });

  test('that is missing or wrong is named, and not shown', async () => {
    registry.state.access = 'basic';
    const { host } = new URL(registry.url);
    await expect(send()).rejects.toMatchObject({
      message: `cannot look for ${name}: HTTP 401`,
      hint: `docker login ${host}, or skopeo login ${host}`,
    });
    registry.faults = ({ headers }) => ({ status: 403, body: headers['authorization'] ?? '' });
    const error = await send({ env: withLogin({ auth: pair(USER, PASSWORD) }) }).catch(String);
    expect(error).not.toMatch(/secret:pass|c2VjcmV0/);
  });

  test('gives a token for the repository, which is renewed', async () => {
    registry.state.access = 'bearer';
    let given = 0;
    registry.state.giveToken = ({ url, headers }) => {
      if (headers['authorization'] !== basicOf(USER, PASSWORD)) return { status: 401 };
      expect(url.search).toBe('?service=registry.test&scope=repository%3Avms%2Fweb1%3Apull%2Cpush');
      const token = `${TOKEN}${++given}`;
      registry.state.tokens.add(token);
      return { status: 200, body: JSON.stringify({ token, expires_in: 300 }) };
    };
    registry.faults = (request) => {
      if (isChunk(request) && given === 1) registry.state.tokens.clear();
      return undefined;
    };
    await send({ env: withLogin({ auth: pair(USER, PASSWORD) }) });
    expect(given).toBe(2);
    const wrong = send({ force: true, env: withLogin({ auth: pair(USER, 'wrong password') }) });
    await expect(wrong).rejects.toThrow(/cannot ask for a token of 127\S+: HTTP 401$/);
  });

  test('gives another token for the clean-up, where deleting needs one', async () => {
    registry.state.access = 'bearer';
    const scopes: string[] = [];
    registry.state.giveToken = ({ url }) => {
      const scope = url.searchParams.get('scope') ?? '';
      const token = `${TOKEN}${scopes.push(scope)}`;
      registry.state.tokens.add(token);
      if (scope.endsWith('delete')) registry.state.deleteTokens.add(token);
      return { status: 200, body: JSON.stringify({ token, expires_in: 300 }) };
    };
    registry.faults = ({ method, url }) =>
      method === 'PUT' && url.pathname.includes('/manifests/') ? { status: 400 } : undefined;
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => void warnings.push(warning);
    const login = withLogin({ auth: pair(USER, PASSWORD) });
    await expect(send({ onWarning, env: login })).rejects.toThrow(/cannot push the manifest/);
    expect(warnings).toEqual([]);
    expect(isEmpty()).toBe(true);
    const pushing = 'repository:vms/web1:pull,push';
    expect(scopes).toEqual([pushing, `${pushing},delete`]);
  });

  test('with a refresh token gives a token too', async () => {
    registry.state.access = 'bearer';
    registry.state.giveToken = ({ method, body }) => {
      const form = new URLSearchParams(body.toString());
      if (method !== 'POST' || form.get('refresh_token') !== 'identity-token')
        return { status: 401 };
      registry.state.tokens.add(TOKEN);
      return { status: 200, body: JSON.stringify({ access_token: TOKEN }) };
    };
    await send({ env: withLogin({ identitytoken: 'identity-token' }) });
    expect(registry.tags.size).toBe(1);
  });
});
