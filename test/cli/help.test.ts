import { describe, expect, test } from 'vitest';
import { KEXPORT } from '../../src/cli/programs/kexport.ts';
import { kexport } from '../support/kexport.ts';

describe('kexport --help', () => {
  const { stdout } = kexport(['--help']);
  const lines = stdout.trimEnd().split('\n');

  test('fits a terminal of 24 lines and 80 columns', () => {
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test('names every common command, topic and format, the exit statuses and the environment', () => {
    for (const { name } of KEXPORT.commands.filter(({ isRare }) => !isRare))
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    for (const { name } of KEXPORT.topics)
      expect(stdout).toMatch(new RegExp(`Topics:.*\\b${name}\\b`));
    expect(stdout).toMatch(/Formats: .*\bvhd-dynamic\b/);
    expect(stdout).toMatch(/Exit status: 0 .* 1 .* 2 .* 3 .* 130 /);
    expect(stdout).toMatch(/Environment: .*KEXPORT_NAME.*TMPDIR.*NO_COLOR/);
  });

  test('leaves every option to --help-all, which explains those statuses and variables', () => {
    const all = kexport(['--help-all']).stdout;
    for (const { name } of KEXPORT.commands) expect(all).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(all).toMatch(/\nExit status:\n {2}0 +done/);
    expect(all).toMatch(/\nEnvironment:\n {2}KEXPORT_NAME +name of the images/);
  });
});

describe('a topic', () => {
  test.each(KEXPORT.topics.map((topic) => [topic.name, topic] as const))(
    '%s has its groups of options, in 80 columns',
    (name, { summary, groups }) => {
      const { status, stdout, stderr } = kexport(['help', name]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain(`${summary}\n`);
      for (const group of groups) expect(stdout).toContain(`\n${group}:\n`);
      expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    },
  );

  test('of ZFS has --checkpoint, that of machines --nic, and not the other way round', () => {
    const zfs = kexport(['help', 'zfs']).stdout;
    expect(zfs).toContain('--checkpoint ');
    expect(zfs).not.toContain('--nic');
    expect(kexport(['help', 'machine']).stdout).toMatch(/--nic /);
    expect(kexport(['help', 'machine']).stdout).not.toContain('--checkpoint');
  });

  test.each([
    ['zsf', 'zfs'],
    ['fromats', 'formats'],
    ['verfy', 'verify'],
  ])('that is mistyped, %s, is found', (typed, meant) => {
    const { status, stderr } = kexport(['help', typed]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `kexport: there is no help on "${typed}" (did you mean ${meant}?)\n`,
    });
  });
});
