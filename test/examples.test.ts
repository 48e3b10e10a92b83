import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { built } from './support/built.ts';
import { folderWith, temporaryFolder } from './support/folder.ts';
import { checkQcow2, compareWithRaw, run, runForBytes, runIn, testWith } from './support/peers.ts';
import { BOOT_DISK, TOP } from './support/project.ts';

const MIB = 2 ** 20;

/** The built file of an example. */
function example(name: string): string {
  return built(`examples/${name}.ts`);
}

testWith(['qemu-img'], 'buffer-to-qcow2 makes a qcow2 of a disk in memory', () => {
  const disk = Buffer.alloc(64 * MIB);
  disk.write('at the start');
  disk.write('in the middle', 40 * MIB);
  const image = runForBytes(process.execPath, example('buffer-to-qcow2'));
  const folder = folderWith({ 'disk.raw': disk, 'disk.qcow2': image });
  checkQcow2(join(folder, 'disk.qcow2'));
  compareWithRaw('qcow2', join(folder, 'disk.qcow2'), join(folder, 'disk.raw'));
});

testWith(['qemu-img'], 'pipe-to-writable sends a pipe on as a vhd, through gzip', () => {
  const folder = temporaryFolder();
  const line = 'cat "$1" | "$2" "$3" disk.vhd.gz && gunzip disk.vhd.gz';
  const words = [BOOT_DISK, process.execPath, example('pipe-to-writable')];
  runIn(folder, 'bash', '-c', line, 'bash', ...words);
  compareWithRaw('vpc', join(folder, 'disk.vhd'), BOOT_DISK);
});

testWith(['qemu-img', 'qemu-io'], 'own-source makes two images of 1 TiB of its blocks', () => {
  const folder = temporaryFolder();
  runIn(folder, process.execPath, example('own-source'));
  expect(readdirSync(folder).sort()).toEqual(['blocks.qcow2', 'blocks.vmdk']);
  checkQcow2(join(folder, 'blocks.qcow2'));
  for (const format of ['qcow2', 'vmdk']) {
    const image = join(folder, `blocks.${format}`);
    const patterns = [
      'read -P 0x61 0 64k',
      'read -P 0 64k 1M',
      `read -P 0x62 ${2 ** 40 - 65_536} 64k`,
    ];
    const printed = run(
      'qemu-io',
      '-r',
      '-f',
      format,
      ...patterns.flatMap((one) => ['-c', one]),
      image,
    );
    expect(printed).not.toContain('Pattern verification failed');
  }
});

testWith(
  ['qemu-img', 'mkfs.vfat', 'mcopy'],
  'read-file-in-image reads a file out of a vmdk by random access',
  () => {
    const text = 'a line of text\n'.repeat(5000); // some clusters
    const folder = folderWith({ 'hello.txt': text });
    run('truncate', '-s', '16M', join(folder, 'disk.raw'));
    runIn(folder, 'mkfs.vfat', '-F', '16', 'disk.raw');
    runIn(folder, 'mcopy', '-i', 'disk.raw', 'hello.txt', '::HELLO.TXT');
    runIn(folder, 'qemu-img', 'convert', '-O', 'vmdk', 'disk.raw', 'disk.vmdk');
    const words = [example('read-file-in-image'), 'disk.vmdk', 'HELLO.TXT'];
    expect(runIn(folder, process.execPath, ...words)).toBe(text);
  },
);

testWith(['qemu-img'], 'http-service answers a raw disk with an image of it', async () => {
  const address = await startService();
  const disk = readFileSync(BOOT_DISK);
  const answer = await fetch(`${address}/qcow2`, { method: 'POST', body: disk });
  expect(answer.status).toBe(200);
  const folder = folderWith({ 'disk.qcow2': new Uint8Array(await answer.arrayBuffer()) });
  checkQcow2(join(folder, 'disk.qcow2'));
  compareWithRaw('qcow2', join(folder, 'disk.qcow2'), BOOT_DISK);
});

test('http-service says what is wrong with a request', async () => {
  const address = await startService();
  const unknown = await fetch(`${address}/floppy`, { method: 'POST', body: 'x' });
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toBe('there is no format floppy\n');
  const empty = await fetch(`${address}/qcow2`, { method: 'POST' });
  expect(empty.status).toBe(422);
  expect(await empty.text()).toBe('the request is empty: no byte came\n');
});

/** Starts the service on a port that is free, until the end of the test. Returns its address. */
async function startService(): Promise<string> {
  const service = spawn(process.execPath, [example('http-service'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    service.kill();
    await once(service, 'exit');
  });
  const [line] = (await once(createInterface(service.stdout), 'line')) as [string];
  return `http://localhost:${line.replace(/\D/g, '')}`;
}

test('every example is run here', () => {
  const names = readdirSync(join(TOP, 'examples')).filter((name) => name.endsWith('.ts'));
  const own = readFileSync(import.meta.filename, 'utf8');
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(own).toContain(`example('${name.replace(/\.ts$/, '')}')`);
  for (const name of names) expect(existsSync(built(`examples/${name}`))).toBe(true);
});
