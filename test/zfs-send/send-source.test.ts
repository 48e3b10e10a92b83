// Whole exports of send streams; the format alone stands in test/formats/zfs-send.

import {
  closeSync,
  constants,
  createReadStream,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { byteStream, describeStream, encode, openSource, raw } from 'kexport';
import { describe, expect, test } from 'vitest';
import { makeSendStream } from '../../bench/make-send-stream.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { noise } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, shell, startKexport } from '../support/kexport.ts';
import { compareWithRaw, describeWith, run } from '../support/peers.ts';
import { fixture, type RealStream, STREAMS } from '../support/send-streams.ts';

const MIB = 2 ** 20;

function sha256(path: string): string {
  return run('sha256sum', path).slice(0, 64);
}

function named(name: string): RealStream {
  return STREAMS.find((stream) => stream.name === name)!;
}

describe('a full stream', () => {
  const folder = sharedFolder();
  const full = STREAMS.filter(({ kind }) => kind === 'full');
  test.each(full.map((stream) => [stream.name, stream] as const))(
    '%s is its disk',
    async (_, stream) => {
      const path = join(folder, 'disk.raw');
      const sink = await fileSink(path, { force: true });
      const { diskSize } = await encode(await openSource(stream.path), [{ format: raw(), sink }]);
      expect(diskSize).toBe(stream.volsize);
      expect(sha256(path)).toBe(stream.rawSha256);
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

  test.each(members)('$name holds $snapshot', async ({ path, snapshot: wanted, rawSha256 }) => {
    const disk = join(folder, 'disk.raw');
    const [volume, snapshot] = wanted.split('@');
    const source = await openSource(path, { volume, sentSnapshot: snapshot });
    await encode(source, [{ format: raw(), sink: await fileSink(disk, { force: true }) }]);
    expect(sha256(disk)).toBe(rawSha256);
  });

  test('gives the last snapshot of its only volume, also from a pipe', () => {
    const cwd = temporaryFolder();
    const line = `cat ${fixture('grow-R')} | kexport raw - -o x.raw -q`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    expect(sha256(join(cwd, 'x.raw'))).toBe(named('grow-full-c').rawSha256);
  });

  test('that is damaged after what is wanted of it is refused, and leaves nothing', () => {
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

describeWith(['qemu-img', 'tar'], 'kexport all of a stream', () => {
  test('from a pipe makes five images of the same disk', () => {
    const cwd = temporaryFolder();
    const line = `cat ${fixture('mixed-16k-full-c')} | kexport all - --name x`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    const disk = join(cwd, 'x.raw');
    expect(sha256(disk)).toBe(named('mixed-16k-full-c').rawSha256);
    run('tar', '-xf', join(cwd, 'x.ova'), '-C', cwd);
    compareWithRaw('qcow2', join(cwd, 'x.qcow2'), disk);
    compareWithRaw('vpc', join(cwd, 'x.vhd'), disk);
    compareWithRaw('vmdk', join(cwd, 'x.vmdk'), disk);
    compareWithRaw('vmdk', join(cwd, 'x-disk.vmdk'), disk);
  });

  test('comes to a pipe as it is made, once its size is stated', () => {
    const cwd = temporaryFolder();
    const stream = fixture('enc-plain');
    const line = `kexport vmdk - --size 16M -o - < ${stream} > x.vmdk && kexport raw ${stream} -o x.raw`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    compareWithRaw('vmdk', join(cwd, 'x.vmdk'), join(cwd, 'x.raw'));
  });
});

describe('a stream that cannot be used', () => {
  test.each<[string, string[], RegExp]>([
    [
      'neg-filesystem',
      [],
      /the stream of tank\/tree\/fs@a is that of a file system, not of a volume/,
    ],
    ['neg-encrypted-w', [], /is raw: its blocks are encrypted .*send it without -w/],
    ['neg-resume-t', [], /is the rest of an interrupted one/],
    ['neg-saved', [], /the stream of tank\/lz4k16@a is partial: it has no volume size/],
    [
      'lz4-16k-inc-c',
      [],
      /is incremental: tank\/lz4k16@b builds upon the snapshot with the guid cc23f47/,
    ],
    ['enc-plain', ['--size', '8M'], /is a disk of 16777216 bytes, --size says 8388608/],
    [
      'enc-plain',
      ['--stream-volume', 'tank/other'],
      /the stream is of the volume tank\/enc, not tank\/other/,
    ],
    ['enc-plain', ['--stream-snapshot', 'z'], /the stream is of the snapshot tank\/enc@a, not z/],
    [
      'tree-Rc',
      [],
      /has the volumes tank\/tree\/v. and tank\/tree\/v. \(name one with --stream-volume\)/,
    ],
    ['tree-Rc', ['--stream-volume', 'tank/tree/fs'], /is that of a file system/],
    [
      'tree-Rc',
      ['--stream-volume', 'tank/v1'],
      /has no volume tank\/v1; it has tank\/tree, tank\/tree\/fs,/,
    ],
    ['grow-R', ['--stream-snapshot', 'z'], /has no snapshot z of tank\/grow; it has a, b, c/],
  ])('%s %j is refused with one line, and leaves nothing', (name, options, message) => {
    const cwd = temporaryFolder();
    const { status, stderr } = kexport(['qcow2,raw', fixture(name), ...options], { cwd });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('that is cut off is refused, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const line = `head -c 200000 ${fixture('mixed-16k-full-c')} | kexport all - --name x -q`;
    const { status, stderr } = shell(line, cwd);
    expect(stderr).toBe(
      'kexport: standard input: the stream ends early, at byte 200000, within a record\n',
    );
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('that is damaged is refused, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const bytes = readFileSync(fixture('mixed-16k-full-c'));
    bytes[150_000]! ^= 1;
    writeFileSync(join(cwd, 'stream'), bytes);
    const { status, stderr } = kexport(['qcow2', 'stream', '-o', 'x.qcow2', '-q'], { cwd });
    expect(stderr).toMatch(/^kexport: stream: the record at byte \d+ has a wrong checksum/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['stream']);
  });
});

describe('a block of zstd that gives', () => {
  /** With ZFS's header: the length, then version and level. A raw block in a frame that does not tell its size. */
  const packed = (content: Buffer) => {
    const head = Buffer.alloc(8);
    const frame = Buffer.from([
      0,
      0x28,
      ((content.length << 3) | 1) & 0xff,
      content.length >> 5,
      0,
    ]);
    head.writeUInt32BE(frame.length + content.length);
    return Buffer.concat([head, frame, content, Buffer.alloc(1024)]).subarray(0, 1024);
  };
  const streamOf = (content: Buffer) => {
    const blocks = [{ diskOffset: 0, bytes: packed(content), compression: 16, length: 512 }];
    const whole = { volumeSize: 512, blockSize: 512, blocks, features: 1n << 25n };
    return Buffer.concat([...makeSendStream(whole)]);
  };

  test('what it should is unpacked', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'stream'), streamOf(noise(512)));
    expect(kexport(['raw', 'stream', '-o', 'x.raw', '-q'], { cwd })).toMatchObject({ status: 0 });
    expect(readFileSync(join(cwd, 'x.raw')).equals(noise(512))).toBe(true);
  });

  test.each([0, 500, 516])('%i bytes instead of 512 is damaged', (length) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'stream'), streamOf(noise(length)));
    const { status, stderr } = kexport(['raw', 'stream', '-o', 'x.raw', '-q'], { cwd });
    expect(stderr).toMatch(/a bad block for byte 0 of the disk: the zstd data is damaged/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['stream']);
  });
});

describe('what begins like a stream', () => {
  test('is a disk all the same with --from raw', () => {
    const cwd = temporaryFolder();
    const { size } = statSync(fixture('empty-full'));
    const line = `kexport raw ${fixture('empty-full')} --from raw -o a.raw && \
cat ${fixture('empty-full')} | kexport raw - --from raw -o b.raw`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    for (const name of ['a.raw', 'b.raw']) {
      expect(statSync(join(cwd, name)).size).toBe(Math.ceil(size / 512) * 512);
    }
  });

  test('is told by its first bytes, even if they come one by one', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '-o', 'x.raw'], cwd);
    const bytes = readFileSync(fixture('enc-plain'));
    const send = (piece: Buffer) =>
      new Promise<void>((resolve) => child.stdin.write(piece, () => setImmediate(resolve)));
    for (let at = 0; at < 24; at++) await send(bytes.subarray(at, at + 1));
    for (let at = 24; at < bytes.length; at += 1001) await send(bytes.subarray(at, at + 1001));
    child.stdin.end();
    expect(await ended).toMatchObject({ status: 0 });
    expect(sha256(join(cwd, 'x.raw'))).toBe(named('enc-plain').rawSha256);
  });

  test('does not keep an abort from ending the wait for it', async () => {
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

test('a volume of 1 TiB with a block in each GiB is read in constant memory', () => {
  const program = `
import { makeSendStream } from './dist/bench/make-send-stream.js';
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
  const cwd = join(import.meta.dirname, '..', '..');
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'make.mjs'), program.replace('./dist', join(cwd, 'dist')));
  const peak = `import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread } from 'node:worker_threads';
const tell = () => writeFileSync('peak', process.resourceUsage().maxRSS + ' ' + availableParallelism());
if (isMainThread) process.on('exit', tell);`;
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

describe('describeStream', () => {
  const describeFile = (name: string) =>
    describeStream(byteStream(name, createReadStream(fixture(name))));

  test('tells what a package holds', async () => {
    const found = await describeFile('grow-R');
    expect(found).toMatchObject([
      { snapshot: 'tank/grow@a', guid: '13e96ac4d37511b2', volumeSize: 16 * MIB },
      { snapshot: 'tank/grow@b', fromGuid: '13e96ac4d37511b2', volumeSize: 24 * MIB },
      { snapshot: 'tank/grow@c', guid: 'ec812e1586d847c', volumeSize: 8 * MIB },
    ]);
    expect(found[0]).toMatchObject({
      kind: 'volume',
      features: ['lz4', 'compressed'],
      blockSize: 16_384,
      compressions: ['lz4', 'off'],
    });
  });

  test('tells of file systems too', async () => {
    expect(await describeFile('neg-filesystem')).toMatchObject([
      { snapshot: 'tank/tree/fs@a', kind: 'file system', volumeSize: undefined },
    ]);
  });
});
