// Output that cannot be written: one line and status 1, or no message if nobody reads it.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { kexportOk, shell, startKexport, startKsnap } from '../support/kexport.ts';

const folder = sharedFolder();

beforeAll(() => {
  writeFileSync(join(folder, 'disk'), withPartition(noise(2 ** 20)));
  kexportOk(folder, 'qcow2', 'disk', '-o', 'image.qcow2');
});

/** Each command as it prints something. */
const COMMANDS = [
  ['--help'],
  ['--help-all'],
  ['--version'],
  ['info', '--help'],
  ['info', 'image.qcow2'],
  ['info', 'image.qcow2', '--json'],
  ['verify', 'image.qcow2'],
  ['verify', 'image.qcow2', '--json'],
  ['sources'],
  ['sources', '--json'],
  ['raw', 'disk', '-o', 'x.raw', '--force', '--json'],
  ['convert', 'image.qcow2', 'raw', '-o', 'x.raw', '--force', '--json'],
  ['raw', 'disk', '-o', '-'],
  ['qcow2', 'disk', '-o', '-'],
];

/** 1 of verify would say that an image is damaged. */
function statusOf([command]: readonly string[]): number {
  return command === 'verify' ? 3 : 1;
}

describe('standard output that is full', () => {
  test.each(COMMANDS)('ends %s %s %s with one line', (...args) => {
    const { status, stderr } = shell(`kexport ${args.join(' ')} > /dev/full`, folder);
    expect(stderr).toBe(
      'kexport: cannot write to standard output: no space left on device (ENOSPC)\n',
    );
    expect(status).toBe(statusOf(args));
  });

  test('ends ksnap, too', () => {
    const { status, stderr } = shell('ksnap --help > /dev/full', folder);
    expect(stderr).toMatch(/^ksnap: cannot write to standard output: .*\n$/);
    expect(status).toBe(1);
  });
});

describe('standard output that nobody reads', () => {
  test.each(COMMANDS)('ends %s %s %s without a message', async (...args) => {
    const { child, ended } = startKexport(args, folder);
    child.stdout.destroy();
    const { status, stderr } = await ended;
    expect({ status, stderr }).toEqual({ status: statusOf(args), stderr: '' });
  });

  test('leaves the images that were made', () => {
    expect(readdirSync(folder).sort()).toEqual(['disk', 'image.qcow2', 'x.raw']);
  });

  test('ends ksnap, too', async () => {
    const { child, ended } = startKsnap(['--help'], folder);
    child.stdout.destroy();
    expect((await ended).status).toBe(1);
  });
});

describe('messages that cannot be written', () => {
  test.each([
    ['a report', ['raw', 'disk', '-o', 'y.raw', '--force'], 0],
    ['an error', ['raw', 'nowhere'], 1],
    ['an error of usage', ['raw', 'disk', '--sise', '1'], 2],
    ['a file that cannot be read', ['verify', 'nowhere'], 3],
  ])('change no status: %s', (_, args, status) => {
    const line = `kexport ${args.join(' ')} 2> /dev/full`;
    expect(shell(line, folder)).toEqual({ status, stdout: '', stderr: '' });
  });
});

describe('standard streams that are closed', () => {
  test.each(['<&- >&- 2> said', '<&- > /dev/null 2>&-', '<&- >&- 2>&-'])(
    'end no command in a stack trace: %s',
    (redirections) => {
      const lines = COMMANDS.map((args) => `kexport ${args.join(' ')} ${redirections}; echo $?`);
      const { stdout } = shell(`: > said; ${lines.join('\n')}\ncat said`, folder);
      expect(stdout.match(/^[0-3]$/gm)).toHaveLength(COMMANDS.length);
      expect(stdout).not.toMatch(/^ +at |Error/m);
    },
  );
});
