// Targets that are not plain new files.

import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode, fileSink, KexportError, openSource, raw } from 'kexport';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell, startKexport } from '../support/kexport.ts';

const MIB = 2 ** 20;
const disk = withPartition(noise(3 * MIB));

function folderWithDisk(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'disk'), disk);
  return folder;
}

/** Whether it cleans up after a signal by now. Node itself always catches SIGINT, but not SIGHUP. */
function catchesSignals(pid: number): boolean {
  const mask = /^SigCgt:.*([0-9a-f])$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return (parseInt(mask ?? '0', 16) & 1) !== 0;
}

describe('a named pipe as target', () => {
  test('takes any image, for as long as that needs', () => {
    const cwd = folderWithDisk();
    const line = 'mkfifo p; kexport raw disk -o p & cat p > got; wait $!';
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    expect(readFileSync(join(cwd, 'got')).equals(disk)).toBe(true);
  });

  test('that nobody reads is waited for until a signal', async () => {
    const cwd = folderWithDisk();
    shell('mkfifo p', cwd);
    const { child, ended } = startKexport(['raw', 'disk', '-o', 'p'], cwd);
    while (!catchesSignals(child.pid!)) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGINT');
    const { status } = await ended;
    expect(status).toBe(130);
  });

  test('is not for --checksums', () => {
    const cwd = folderWithDisk();
    const { status, stderr } = kexport(['raw', 'disk', '-o', '/dev/null', '--checksums'], { cwd });
    expect(status).toBe(2);
    expect(stderr).toContain('/dev/null is no file');
  });
});

describe('a symbolic link as target', () => {
  test('has the file that it names replaced, and stays', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'real'), 'old');
    symlinkSync('real', join(cwd, 'link'));
    expect(kexport(['raw', 'disk', '-o', 'link', '--force'], { cwd }).status).toBe(0);
    expect(lstatSync(join(cwd, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(cwd, 'real')).equals(disk)).toBe(true);
  });

  test('to nothing is refused before the disk is read', () => {
    const cwd = folderWithDisk();
    symlinkSync('nothing', join(cwd, 'link'));
    expect(kexport(['raw', 'disk', '-o', 'link'], { cwd }).stderr).toContain('link exists');
  });

  test('/dev/stdout is standard output', () => {
    const cwd = folderWithDisk();
    expect(shell('kexport raw disk -o /dev/stdout --force > got', cwd).status).toBe(0);
    expect(readFileSync(join(cwd, 'got')).equals(disk)).toBe(true);
  });
});

describe('the disk itself', () => {
  test('is not replaced by its partial image, nor when it is redirected', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'x.raw.partial'), disk);
    const partial = kexport(['raw', 'x.raw.partial', '-o', 'x.raw', '--force'], { cwd });
    expect(partial.stderr).toContain('x.raw.partial is the disk that is exported');
    const redirected = shell('kexport raw - -o disk --force < disk', cwd);
    expect(redirected.stderr).toContain('disk is the disk that is exported');
    expect(readFileSync(join(cwd, 'disk')).equals(disk)).toBe(true);
  });
});

describe('messages that nobody reads', () => {
  test('do not end an export', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'bare'), noise(MIB)); // raises a warning
    const line = 'kexport raw bare -o x.raw 2> >(true); echo $?';
    expect(shell(line, cwd).stdout).toBe('0\n');
    expect(readdirSync(cwd).sort()).toEqual(['bare', 'disk', 'x.raw']);
  });

  test('on stdout fail it without a word, the images made', () => {
    const cwd = folderWithDisk();
    const line = 'kexport raw disk -o x.raw --json | true; echo "${PIPESTATUS[0]}"';
    expect(shell(line, cwd).stderr).toBe('');
    expect(readdirSync(cwd).sort()).toEqual(['disk', 'x.raw']);
  });
});

describe('encode', () => {
  const target = async (path: string, format = raw()) => ({ format, sink: await fileSink(path) });

  test('tells two images of one format apart', async () => {
    const cwd = folderWithDisk();
    const format = raw();
    const paths = [join(cwd, 'a'), join(cwd, 'b')];
    const targets = await Promise.all(paths.map((path) => target(path, format)));
    const { images } = await encode(await openSource(join(cwd, 'disk')), targets);
    expect(images.map(({ name }) => name)).toEqual(paths);
  });

  test.each([
    ['a level', { level: 10 }],
    ['a number of threads', { threads: 0 }],
  ])('refuses %s that there is not, and leaves nothing', async (_, options) => {
    const cwd = folderWithDisk();
    const source = await openSource(join(cwd, 'disk'));
    const targets = [await target(join(cwd, 'x'))];
    await expect(encode(source, targets, options)).rejects.toThrow(KexportError);
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('refuses to make nothing', async () => {
    const source = await openSource(join(folderWithDisk(), 'disk'));
    await expect(encode(source, [])).rejects.toThrow('no image is asked for');
  });

  test('ends at once on a signal that was given before', async () => {
    const cwd = folderWithDisk();
    const source = await openSource(join(cwd, 'disk'));
    const signal = AbortSignal.abort('SIGINT');
    await expect(encode(source, [await target(join(cwd, 'x'))], { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('gives no image its name if a later one cannot have its own', async () => {
    const cwd = folderWithDisk();
    const first = await target(join(cwd, 'a'));
    const second = await target(join(cwd, 'b'));
    const failing = {
      ...second.sink,
      commit: () => Promise.reject(new KexportError('target', 'no')),
    };
    const targets = [first, { ...second, sink: failing }];
    await expect(encode(await openSource(join(cwd, 'disk')), targets)).rejects.toThrow('no');
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});
