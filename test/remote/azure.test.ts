import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { vhd } from '../../formats/index.ts';
import { encode } from '../../src/export/encode.ts';
import type { Warning } from '../../src/errors.ts';
import { sourceFrom } from '../../src/open/source-from.ts';
import { blobSink } from '../../src/remote/azure/blob-sink.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { noise } from '../support/disks.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';
import { temporaryFolder } from '../support/folder.ts';
import { run } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { AZURE_TOKEN, type AzureDouble, SAS, startAzure } from './azure-double.ts';
import { everyNth, oneByOne } from './double.ts';

const MIB = 2 ** 20;
/** Data, zeros, data, in a size that is rounded up. */
const DISK = Buffer.concat([noise(5 * MIB), Buffer.alloc(3 * MIB), noise(64 * 1024 + 512)]);
const LENGTH = 9 * MIB + 512;
const PLACE = '/vhds/web1.vhd';
const DISK_ADDRESS = `https://md-abc.blob.storage.azure.net/disk/abcd?${SAS}`;

let azure: AzureDouble;
let address: string;
beforeEach(async () => {
  azure = await startAzure();
  address = `${azure.url}${PLACE}?${SAS}`;
});
afterEach(() => azure.close());

async function send(options: SendOptions = {}, to = address, signal?: AbortSignal) {
  const how = { env: {}, firstWait: 1, patience: 2000, diskSize: DISK.length, ...options };
  const sink = await blobSink(to, how);
  const source = await sourceFrom(DISK, { name: 'disk' });
  return encode(source, [{ format: vhd(), sink }], { signal });
}

/** Checks the vhd at a place by another program. */
function expectDisk(place: string): void {
  const bytes = azure.blobs.get(place)?.bytes ?? Buffer.alloc(0);
  expect(bytes.length).toBe(LENGTH);
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'web1.vhd'), bytes);
  writeFileSync(join(folder, 'disk.img'), Buffer.concat([DISK], LENGTH - 512));
  const [image, disk] = [join(folder, 'web1.vhd'), join(folder, 'disk.img')];
  run('qemu-img', 'compare', '-f', 'vpc', '-F', 'raw', image, disk);
}

describe('a page blob', () => {
  test('is a fixed vhd of the disk, of which only the used pages were sent', async () => {
    const { images } = await send();
    expectDisk(PLACE);
    const used = DISK.length - 3 * MIB;
    expect(azure.counts.pageBytes).toBeGreaterThanOrEqual(used);
    expect(azure.counts.pageBytes).toBeLessThan(1.02 * used);
    expect(images[0]).toMatchObject({ name: `${azure.url}${PLACE}`, length: LENGTH });
    expect(images[0]?.ids?.['etag']).toMatch(/^"0x/);
  });

  test('is whole although requests fail', async () => {
    azure.faults = everyNth(3, 'reset', { status: 503 }, 'lost', { status: 500 });
    await send();
    expectDisk(PLACE);
  });

  test('is its own although the answer to its creation was lost', async () => {
    azure.faults = oneByOne('lost');
    await send();
    expectDisk(PLACE);
  });

  test('of another is not taken for its own when its creation is repeated', async () => {
    await send();
    azure.faults = oneByOne({ status: 503 });
    await expect(send()).rejects.toMatchObject({ code: 'exists' });
    expectDisk(PLACE);
  });

  test('is made of a disk whose size is not known before', async () => {
    await send({ diskSize: undefined });
    expectDisk(PLACE);
  });

  test('grows if other formats have the disk rounded up further', async () => {
    await send({ diskSize: MIB });
    expectDisk(PLACE);
  });

  test('can be addressed with the signature in the environment', async () => {
    await send(
      { env: { AZURE_STORAGE_SAS_TOKEN: `?${SAS}` }, endpoint: azure.url },
      `https://a.blob.core.windows.net${PLACE}`,
    );
    expectDisk(PLACE);
  });

  test('that exists is replaced only with force', async () => {
    await send();
    await expect(send()).rejects.toMatchObject({
      code: 'exists',
      message: `${azure.url}${PLACE} exists`,
    });
    azure.blobs.get(PLACE)?.bytes.fill(1);
    await send({ force: true });
    expectDisk(PLACE);
  });

  test('is removed if the export fails', async () => {
    azure.faults = ({ url }) =>
      url.searchParams.get('comp') === 'page' ? { status: 403 } : undefined;
    await expect(send()).rejects.toThrow(
      /^cannot write pages \d+-\d+ of http:[^?]*web1.vhd: HTTP 403$/,
    );
    expect(azure.blobs.size).toBe(0);
  });

  test.each(Array.from({ length: 6 }, (_, index) => index))(
    'is removed if the export is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      azure.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({}, address, stop.signal).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(azure.blobs.size).toBe(0);
    },
  );

  test('is refused with a reason that shows no signature', async () => {
    const wrong = address.replace('c2Vj', 'd2Vj');
    const error: unknown = await send({}, wrong).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringContaining('HTTP 403, AuthenticationFailed') as string,
      hint: 'the signature is wrong, or has expired (se=): make a new one',
    });
    expect((error as Error).message).not.toMatch(/d2Vj|c2ln/);
  });

  test.each([
    ['http://example.org/x', {}, /is not a blob of Azure/],
    [`http://a.blob.core.windows.net/x?${SAS}`, {}, /would show the signature to others/],
    [`https://a.blob.core.windows.net//vhds/x?${SAS}`, {}, /no container between its first two/],
    [`https://a.blob.core.windows.net/x?${SAS}`, { formatName: 'vmdk' }, /a fixed vhd, not a vmdk/],
  ])('cannot be %s %j', async (to, options, message) => {
    await expect(blobSink(to, options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('a token of the Azure CLI', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  // Its second run does not end.
  const az = `runs=$(cat runs 2>/dev/null)$1
    echo "$runs" > runs
    case $runs in
      accountaccount) touch hangs; exec tail -f /dev/null ;;
      *) echo '{ "accessToken": "${AZURE_TOKEN}" }' ;;
    esac`;

  test('is not waited for by a run that ends, and is asked for again to clean up', async () => {
    const folder = fakeCommands({ az });
    vi.stubEnv('PATH', pathWith(folder));
    const how = { env: {}, firstWait: 1, patience: 2000, diskSize: MIB, endpoint: azure.url };
    const sink = await blobSink(`https://a.blob.core.windows.net${PLACE}`, how);
    expect(azure.blobs.size).toBe(1);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_900_000); // the token is old
    await sink.write(0, [noise(512)]);
    const finished = sink.finish(MIB + 512).catch((error: unknown) => error);
    await until(() => existsSync(join(folder, 'hangs')));
    await sink.discard();
    expect(await finished).toMatchObject({ code: 'aborted' });
    expect(azure.blobs.size).toBe(0);
  }, 30_000);
});

describe('a managed disk', () => {
  const options = () => ({ endpoint: azure.url });

  test('gets the used pages, without conditions or checksums', async () => {
    azure.addDisk('/disk/abcd', LENGTH, 0);
    await send(options(), DISK_ADDRESS);
    expectDisk('/disk/abcd');
    expect(azure.counts.pageBytes).toBeLessThan(1.02 * (DISK.length - 3 * MIB));
  });

  test('that was used before gets zeros over its old pages, and only with force', async () => {
    azure.addDisk('/disk/abcd', LENGTH, 6 * MIB);
    await expect(send(options(), DISK_ADDRESS)).rejects.toMatchObject({ code: 'exists' });
    await send({ ...options(), force: true }, DISK_ADDRESS);
    expectDisk('/disk/abcd');
  });

  test.each([LENGTH - MIB, LENGTH + MIB])('of another length, %i, is refused', async (length) => {
    azure.addDisk('/disk/abcd', length, 0);
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => {
      warnings.push(warning);
    };
    await expect(send({ ...options(), onWarning }, DISK_ADDRESS)).rejects.toMatchObject({
      message: `https://md-abc.blob.storage.azure.net/disk/abcd has ${length} bytes, the image ${LENGTH}`,
      hint: `az disk create --upload-size-bytes ${LENGTH}`,
    });
    expect(warnings.length).toBe(length < LENGTH ? 0 : 1);
  });
});
