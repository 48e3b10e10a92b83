// Disks of send streams; test/formats/zfs-send tests the format alone.

import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { encode, fileSink, openSource, raw } from 'kexport';
import { describe, expect, test } from 'vitest';
import { makeSendStream } from '../../bench/make-send-stream.ts';
import { built } from '../support/built.ts';
import { noise } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, shell, startKexport } from '../support/kexport.ts';
import { compareAll, compareImage, describeWith, run, sha256Of } from '../support/peers.ts';
import { fixture, FULL, streamNamed, STREAMS } from '../support/send-streams.ts';

const MIB = 2 ** 20;

describe('a full stream', () => {
  const folder = sharedFolder();
  test.each(FULL.map((stream) => [stream.name, stream] as const))(
    'is its disk: %s',
    async (_, stream) => {
      const path = join(folder, 'disk.raw');
      const sink = await fileSink(path, { force: true });
      const { diskSize } = await encode(await openSource(stream.path), [{ format: raw(), sink }]);
      expect(diskSize).toBe(stream.volsize);
      expect(sha256Of(path)).toBe(stream.rawSha256);
    },
  );
});

describe('a package', () => {
  const folder = sharedFolder();
  const members = STREAMS.filter(({ kind }) => kind === 'package').flatMap(
    ({ name, path, members }) =>
      members
        .filter(({ volume }) => volume)
        .map(({ snapshot, rawSha256 }) => ({ name, path, snapshot, rawSha256 })),
  );

  test.each(members)(
    'holds the disk of each snapshot: $snapshot of $name',
    async ({ path, snapshot: wanted, rawSha256 }) => {
      const disk = join(folder, 'disk.raw');
      const [streamVolume, streamSnapshot] = wanted.split('@');
      const source = await openSource(path, { streamVolume, streamSnapshot });
      await encode(source, [{ format: raw(), sink: await fileSink(disk, { force: true }) }]);
      expect(sha256Of(disk)).toBe(rawSha256);
    },
  );

  test('gives the last snapshot of its only volume, also from a pipe', () => {
    const cwd = temporaryFolder();
    const line = `cat ${fixture('grow-R')} | kexport raw - -o x.raw -q`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    expect(sha256Of(join(cwd, 'x.raw'))).toBe(streamNamed('grow-full-c').rawSha256);
  });

  test('is refused if it is damaged after the snapshot that is wanted, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const bytes = readFileSync(fixture('grow-R'));
    bytes[bytes.length - 700]! ^= 1;
    writeFileSync(join(cwd, 'stream'), bytes);
    const { status, stderr } = kexport(['raw', 'stream', '--stream-snapshot', 'a', '-q'], { cwd });
    expect(stderr).toMatch(/has a wrong checksum/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['stream']);
  });
});

describeWith(['qemu-img', 'tar'], 'an export of a stream', () => {
  test('from a pipe makes five images of the same disk', () => {
    const cwd = temporaryFolder();
    const line = `cat ${fixture('mixed-16k-full-c')} | kexport all - --name x`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    const disk = join(cwd, 'x.raw');
    expect(sha256Of(disk)).toBe(streamNamed('mixed-16k-full-c').rawSha256);
    compareAll(cwd, disk);
  });

  test('goes to a pipe as it is made if its size is stated', () => {
    const cwd = temporaryFolder();
    const stream = fixture('enc-plain');
    const line = `kexport vmdk - --size 16M -o - < ${stream} > x.vmdk && kexport raw ${stream} -o x.raw`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    compareImage('vmdk', join(cwd, 'x.vmdk'), join(cwd, 'x.raw'));
  });
});

describe('what begins like a stream', () => {
  test('is a raw disk with --from raw', () => {
    const cwd = temporaryFolder();
    const { size } = statSync(fixture('empty-full'));
    const line = `kexport raw ${fixture('empty-full')} --from raw -o a.raw && \
cat ${fixture('empty-full')} | kexport raw - --from raw -o b.raw`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    for (const name of ['a.raw', 'b.raw']) {
      expect(statSync(join(cwd, name)).size).toBe(Math.ceil(size / 512) * 512);
    }
  });

  test('is a stream even if its first bytes come one by one', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '-o', 'x.raw'], cwd);
    const bytes = readFileSync(fixture('enc-plain'));
    const send = (piece: Buffer) =>
      new Promise<void>((resolve) => child.stdin.write(piece, () => setImmediate(resolve)));
    for (let at = 0; at < 24; at++) await send(bytes.subarray(at, at + 1));
    for (let at = 24; at < bytes.length; at += 1001) await send(bytes.subarray(at, at + 1001));
    child.stdin.end();
    expect(await ended).toMatchObject({ status: 0 });
    expect(sha256Of(join(cwd, 'x.raw'))).toBe(streamNamed('enc-plain').rawSha256);
  });

  test('can be aborted during the wait for it', async () => {
    const pipe = join(temporaryFolder(), 'pipe');
    run('mkfifo', pipe);
    const writer = openSync(pipe, constants.O_RDWR);
    const opening = openSource(pipe, { signal: AbortSignal.timeout(50) });
    await expect(opening).rejects.toMatchObject({ code: 'aborted' });
    closeSync(writer);
  });
});

test.each([512, 4096, 131_072, 2 ** 20, 2 ** 24])(
  'blocks of %i bytes come out where they belong',
  async (blockSize) => {
    const folder = temporaryFolder();
    const places = [0, 1, 3, 4, 5, 9];
    const volumeSize = 10 * blockSize;
    const blocks = places.map((place) => ({
      diskOffset: place * blockSize,
      bytes: noise(blockSize, place + 1),
    }));
    const disk = Buffer.alloc(volumeSize);
    for (const { diskOffset, bytes } of blocks) bytes.copy(disk, diskOffset);
    const stream = join(folder, 'stream');
    writeFileSync(stream, Buffer.concat([...makeSendStream({ volumeSize, blockSize, blocks })]));
    const path = join(folder, 'x.raw');
    const target = { format: raw(), sink: await fileSink(path) };
    await encode(await openSource(stream), [target]);
    expect(readFileSync(path).equals(disk)).toBe(true);
  },
);

test('a volume of 1 TiB with data in each GiB is read in constant memory', () => {
  const program = `
import { makeSendStream } from '${built('bench/make-send-stream.ts')}';
const bytes = new Uint8Array(16384).fill(7);
function* blocks() {
  for (let i = 0; i < 1024; i++) {
    yield { diskOffset: i * ${2 ** 30}, bytes };
    for (let j = 1; j < 16; j++) yield { diskOffset: i * ${2 ** 30} + j * 16384, bytes };
  }
}
for (const piece of makeSendStream({ volumeSize: ${2 ** 40}, blockSize: 16384, blocks: blocks() })) {
  if (!process.stdout.write(piece)) await new Promise((go) => process.stdout.once('drain', go));
}`;
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'make.mjs'), program);
  const peak = `import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread } from 'node:worker_threads';
const note = () => writeFileSync('peak', process.resourceUsage().maxRSS + ' ' + availableParallelism());
if (isMainThread) process.on('exit', note);`;
  writeFileSync(join(folder, 'peak.mjs'), peak);
  const line = `node make.mjs | NODE_OPTIONS=--import=./peak.mjs kexport qcow2,raw - --name x -q`;
  expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
  const [kibibytes = NaN, workers = NaN] = readFileSync(join(folder, 'peak'), 'utf8')
    .split(' ')
    .map(Number);
  expect(kibibytes * 1024).toBeLessThan((256 + 16 * workers) * MIB);
  expect(statSync(join(folder, 'x.raw')).size).toBe(2 ** 40);
  expect(statSync(join(folder, 'x.raw')).blocks * 512).toBeLessThan(1024 * 2 ** 18 + MIB);
});
