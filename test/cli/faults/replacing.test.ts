// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// files that are replaced, and folders that others can write.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bundled } from '../../support/built.ts';
import { noise, withPartition } from '../../support/disks.ts';
import { folderWith, temporaryFolder } from '../../support/folder.ts';
import { kexport, kexportOk, shell, startKexport } from '../../support/kexport.ts';
import { describeAsRoot, run } from '../../support/peers.ts';
import { until } from '../../support/until.ts';

const disk = withPartition(noise(2 ** 20));
const NOBODY = 65_534;

const modeOf = (path: string) => statSync(path).mode & 0o7777;

/** Starts an export to `x` that waits for the end of its disk. */
async function started(cwd: string, ...args: string[]) {
  const running = startKexport([...args, '-', '--name', 'x', '-q'], cwd);
  running.child.stdin.write(disk);
  await until(() => readdirSync(cwd).some((name) => name.endsWith('.partial')));
  return running;
}

describeAsRoot('an image is replaced (`--force`)', () => {
  test('the new one has its owner and permissions from the first byte on', async () => {
    const cwd = folderWith({ 'x.raw': 'old' });
    chmodSync(join(cwd, 'x.raw'), 0o600);
    chownSync(join(cwd, 'x.raw'), NOBODY, NOBODY);
    const { child, ended } = await started(cwd, 'raw', '--force');
    await until(() => {
      const { mode, uid, gid, size } = statSync(join(cwd, 'x.raw.partial'));
      const isFinal = uid === NOBODY && gid === NOBODY;
      if ((mode & 0o777) !== 0o600 || (size > 0 && !isFinal)) throw new Error('open to others');
      return isFinal;
    });
    child.stdin.end();
    expect((await ended).status).toBe(0);
    const { uid, gid } = statSync(join(cwd, 'x.raw'));
    expect([modeOf(join(cwd, 'x.raw')), uid, gid]).toEqual([0o600, NOBODY, NOBODY]);
  });

  test('--mode changes its permissions', () => {
    const cwd = folderWith({ disk, 'x.raw': 'old' });
    chmodSync(join(cwd, 'x.raw'), 0o600);
    kexportOk(cwd, 'raw', 'disk', '-o', 'x.raw', '--force', '--mode', '640');
    expect(modeOf(join(cwd, 'x.raw'))).toBe(0o640);
  });

  test('SHA256SUMS keeps its permissions too', () => {
    const cwd = folderWith({ disk, SHA256SUMS: '' });
    chmodSync(join(cwd, 'SHA256SUMS'), 0o600);
    kexportOk(cwd, 'raw', 'disk', '-o', 'x.raw', '--checksums');
    expect(modeOf(join(cwd, 'SHA256SUMS'))).toBe(0o600);
  });
});

describe('one image of several cannot get its name', () => {
  test('the others keep the files that they were to replace', async () => {
    const cwd = folderWith({ 'x.qcow2': 'old qcow2', 'x.raw': 'old raw' });
    const { child, ended } = await started(cwd, 'qcow2,raw', '--force');
    await until(() => readdirSync(cwd).length === 4);
    rmSync(join(cwd, 'x.raw.partial'));
    writeFileSync(join(cwd, 'x.raw.partial'), 'of another program');
    child.stdin.end();
    const { status, stderr } = await ended;
    expect(stderr).toBe('kexport: x.raw.partial was replaced by another program\n');
    expect(status).toBe(1);
    expect(readFileSync(join(cwd, 'x.qcow2'), 'utf8')).toBe('old qcow2');
    expect(readFileSync(join(cwd, 'x.raw'), 'utf8')).toBe('old raw');
    expect(readdirSync(cwd).sort()).toEqual(['x.qcow2', 'x.raw', 'x.raw.partial']);
  });

  test.each([[[]], [['--force']]])('nor SHA256SUMS: no image is left %s', async (force) => {
    const cwd = temporaryFolder();
    const { child, ended } = await started(cwd, 'qcow2,raw', '--checksums', ...force);
    mkdirSync(join(cwd, 'SHA256SUMS'));
    child.stdin.end();
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/^kexport: cannot write SHA256SUMS: .*\n$/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['SHA256SUMS']);
  });
});

describe('the folder of the images is renamed', () => {
  test('they are in it under its new name', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'out'));
    const { child, ended } = startKexport(['qcow2,raw', '-', 'out', '--name', 'x', '-q'], cwd);
    child.stdin.write(disk);
    await until(() => readdirSync(join(cwd, 'out')).length === 2);
    renameSync(join(cwd, 'out'), join(cwd, 'moved'));
    child.stdin.end();
    expect(await ended).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(cwd)).toEqual(['moved']);
    expect(readdirSync(join(cwd, 'moved')).sort()).toEqual(['x.qcow2', 'x.raw']);
  });

  test('nothing is left in it after a failure', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'out'));
    const { child, ended } = startKexport(['qcow2,raw', '-', 'out', '--name', 'x'], cwd);
    child.stdin.write(disk);
    await until(() => readdirSync(join(cwd, 'out')).length === 2);
    renameSync(join(cwd, 'out'), join(cwd, 'moved'));
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(readdirSync(join(cwd, 'moved'))).toEqual([]);
  });
});

describeAsRoot('another user has put something at the name', () => {
  /** A folder such as /tmp, with the disk and a secret of root's. */
  function sharedFolder(): string {
    const cwd = folderWith({ disk, secret: 'secret' });
    chmodSync(cwd, 0o1777);
    chmodSync(join(cwd, 'secret'), 0o600);
    return cwd;
  }

  const planted = (cwd: string, name: string) => lchownSync(join(cwd, name), NOBODY, NOBODY);

  test.each(['x.raw', 'SHA256SUMS'])('a link is refused, its target untouched: %s', (name) => {
    const cwd = sharedFolder();
    symlinkSync('secret', join(cwd, name));
    planted(cwd, name);
    const args = ['raw', 'disk', '-o', 'x.raw', '--force', '--checksums'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toBe(
      `kexport: ${name} is a symbolic link of another user (uid 65534) (remove it, or choose a folder where others cannot write)\n`,
    );
    expect(status).toBe(1);
    expect(readFileSync(join(cwd, 'secret'), 'utf8')).toBe('secret');
    expect(readdirSync(cwd).sort()).toEqual([name, 'disk', 'secret'].sort());
  });

  test.each(['x.raw.partial', 'SHA256SUMS.partial'])(
    'a link is not followed, even with --force: %s',
    (name) => {
      const cwd = sharedFolder();
      symlinkSync('secret', join(cwd, name));
      planted(cwd, name);
      const args = ['raw', 'disk', '-o', 'x.raw', '--force', '--checksums', '-q'];
      expect(kexport(args, { cwd }).status).toBe(0);
      expect(readFileSync(join(cwd, 'secret'), 'utf8')).toBe('secret');
      expect(lstatSync(join(cwd, 'x.raw')).isFile()).toBe(true);
      expect(readdirSync(cwd).sort()).toEqual(['SHA256SUMS', 'disk', 'secret', 'x.raw']);
    },
  );

  test('a file is not replaced', () => {
    const cwd = sharedFolder();
    writeFileSync(join(cwd, 'x.raw'), 'to be given back with the disk in it');
    planted(cwd, 'x.raw');
    const { status, stderr } = kexport(['raw', 'disk', '-o', 'x.raw', '--force'], { cwd });
    expect(stderr).toContain('x.raw is a file of another user (uid 65534)');
    expect(status).toBe(1);
  });

  test('a named pipe does not get the disk', () => {
    const cwd = sharedFolder();
    run('mkfifo', join(cwd, 'x.raw'));
    planted(cwd, 'x.raw');
    const line = 'cat x.raw > got & kexport raw disk -o x.raw; status=$?; kill $!; exit $status';
    const { status, stderr } = shell(line, cwd);
    expect(stderr).toContain('x.raw is a named pipe of another user (uid 65534)');
    expect(status).toBe(1);
    expect(statSync(join(cwd, 'got')).size).toBe(0);
  });

  describe('for a user who is not root', () => {
    const OTHER = 65_533;

    /** Runs kexport as `nobody` in a folder where all may write. */
    function asNobody(cwd: string, ...args: string[]) {
      const folder = temporaryFolder();
      chmodSync(folder, 0o755);
      cpSync(bundled(''), folder, { recursive: true }); // the project may be out of reach
      const { status, stderr } = spawnSync(
        process.execPath,
        [join(folder, 'kexport.cjs'), ...args],
        {
          cwd,
          encoding: 'utf8',
          uid: NOBODY,
          gid: NOBODY,
        },
      );
      return { status, stderr };
    }

    test.each(['x.qcow2', 'x.qcow2.partial', 'SHA256SUMS', 'SHA256SUMS.partial'])(
      'what another has put at a name keeps its bytes and its permissions: %s',
      (name) => {
        const cwd = folderWith({ disk, [name]: 'of another' });
        chmodSync(cwd, 0o1777);
        chmodSync(join(cwd, name), 0o666);
        lchownSync(join(cwd, name), OTHER, OTHER);
        const args = ['qcow2', 'disk', '-o', 'x.qcow2', '--checksums', '--force'];
        const { status, stderr } = asNobody(cwd, ...args);
        expect(stderr).toMatch(/^(kexport: warning: .*\n)?kexport: .*\n$/);
        expect(status).toBe(1);
        expect(readFileSync(join(cwd, name), 'utf8')).toBe('of another');
        expect(statSync(join(cwd, name))).toMatchObject({ uid: OTHER, gid: OTHER });
        expect(readdirSync(cwd).sort()).toEqual([name, 'disk'].sort());
      },
    );

    test('its images and sums are its own', () => {
      const cwd = folderWith({ disk });
      chmodSync(cwd, 0o1777);
      const { status } = asNobody(cwd, 'qcow2,ova', 'disk', '--name', 'x', '--checksums');
      expect(status).toBe(0);
      for (const name of ['x.qcow2', 'x.ova', 'SHA256SUMS'])
        expect(statSync(join(cwd, name))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    });
  });
});

describe('a socket has the name of the image', () => {
  test('it is refused at once', async () => {
    const cwd = folderWith({ disk });
    const server = createServer().listen(join(cwd, 'x.raw'));
    onTestFinished(() => void server.close());
    await until(() => server.listening);
    const { status, stderr } = kexport(['raw', 'disk', '-o', 'x.raw'], { cwd });
    expect(stderr).toBe('kexport: x.raw is a socket, not a file\n');
    expect(status).toBe(1);
  });
});
