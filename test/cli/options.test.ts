// The definitions of the options, and how the command line parses them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { longForm, type OptionName, OPTIONS } from '../../src/cli/options/options.ts';
import { KEXPORT } from '../../src/cli/programs/kexport.ts';
import { kexport } from '../support/kexport.ts';
import { TOP } from '../support/project.ts';

const NAMES = Object.keys(OPTIONS) as OptionName[];
const COMMANDS = [KEXPORT.main, ...KEXPORT.commands];

function optionsOf({ options }: (typeof COMMANDS)[number]): OptionName[] {
  return options.flatMap((group) => group.options);
}

describe('every option', () => {
  const general = ['color', 'help', 'helpAll', 'version'];
  const accepted = new Set(COMMANDS.flatMap(optionsOf));

  test.each(NAMES.filter((name) => !general.includes(name)))('%s is one of a command', (name) => {
    expect(accepted).toContain(name);
  });

  test('of a command is there once', () => {
    for (const command of COMMANDS) {
      const names = optionsOf(command);
      expect(names.length).toBe(new Set(names).size);
    }
  });

  test('of an export is shown by --help-all, in 80 columns', () => {
    const { stdout } = kexport(['--help-all']);
    for (const name of optionsOf(KEXPORT.main)) {
      expect(stdout).toMatch(new RegExp(`^  (-., )?${longForm(name)}( |$)`, 'm'));
    }
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('that README names exists', () => {
    const readme = readFileSync(join(TOP, 'README.md'), 'utf8');
    const lines = readme.split('\n').filter((line) => /^(kexport|.*\| kexport) /.test(line));
    const inLines = lines.flatMap((line) => line.match(/(?<= )--[a-z][a-z-]+/g) ?? []);
    const named = [...inLines, ...(readme.match(/(?<=`)--[a-z][a-z-]+/g) ?? [])];
    const forms = new Set(NAMES.map(longForm));
    expect(named.length).toBeGreaterThan(5); // docs.test.ts reads the other pages
    for (const form of named) expect(forms).toContain(form);
  });
});

describe('a command line that cannot be parsed exits 2 with one line', () => {
  test.each([
    ['a mistyped option', ['raw', 'x', '--frce'], 'unknown option --frce (did you mean --force?)'],
    ['letters that are swapped', ['raw', 'x', '--siez', '1G'], 'did you mean --size?'],
    ['an unknown letter', ['raw', 'x', '-x'], 'unknown option -x (see --help-all)'],
    ['an option of another command', ['info', 'x', '--zip'], 'info: --zip is not accepted here'],
    ['a flag with a value', ['raw', 'x', '--force=1'], '--force takes no value, but "1" is given'],
    ['no value at the end', ['raw', 'x', '-o'], '-o needs a value: FILE'],
    ['an empty value', ['raw', 'x', '--name='], '--name needs a value: NAME'],
    ['an option for a value', ['raw', 'x', '--size', '-q'], '--size needs a value before -q: SIZE'],
    ['another choice', ['ova', 'x', '--nic', 'e1000'], 'is not E1000, E1000e, VmxNet3 or none'],
    ['a number out of range', ['ova', 'x', '--cpus', '0'], '"0" is not a whole number from 1 to'],
    ['a size in no unit', ['raw', 'x', '--size', '9X'], '"9X" is not a size such as 10G or 512M'],
    ['half a MiB', ['ova', 'x', '--memory', '1.5M'], '"1.5M" is not a whole number of MiB'],
    ['no image', ['info'], 'info: missing argument IMAGE (usage: kexport info IMAGE'],
    [
      'a word too many',
      ['sources', 'x'],
      'sources: unexpected argument "x" (usage: kexport sources',
    ],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = kexport(args);
    expect(stderr).toContain(`kexport: `);
    expect(stderr).toContain(message);
    expect(stderr.split('\n')).toHaveLength(2);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('a word', () => {
  test('after -- is not a command', () => {
    expect(kexport(['--', 'info', 'x']).stderr).toContain(
      'unknown format or command "info" (give one or',
    );
  });

  test('that begins with a dash is the value of an option after =', () => {
    const { stderr } = kexport(['ova', 'nowhere', '--vm-name=-1', '--name=-2']);
    expect(stderr).toContain('cannot open nowhere');
  });
});

describe('an option that cannot take effect is refused', () => {
  test.each([
    ['qcow2 d --cpus 2', '--cpus needs the format of a machine: ova'],
    [
      'qcow2,raw d --manifest sha1',
      '--manifest needs the format ova (it has no effect on qcow2,raw)',
    ],
    ['qcow2,vhd-dynamic d --vhd-align none', '--vhd-align needs the format vhd'],
    ['qcow2 d --zip', '--zip needs the format raw or vhd: the others are compressed'],
    [
      'raw d --level 9',
      '--level needs a compressed format: qcow2, raw.gz, raw.zst, gce, vmdk, ova,',
    ],
    ['raw,vhd d --compression zlib', '--compression needs a compressed format'],
    ['raw d --zip --optimize size', '--optimize needs a format that is compressed with zlib'],
    ['qcow2 d --compression zstd --compressor pako', '--compressor needs a format that is'],
    ['qcow2,raw d --keep-gpt', '--keep-gpt needs a format that rounds the disk up'],
    ['vhd d --vhd-align none --keep-gpt', '--keep-gpt needs a format that rounds the disk up'],
    ['raw d --keep-going', '--keep-going needs more than one image'],
    ['raw d --ova-disk x', '--ova-disk needs an OVA or a VMA, and d is not read as one'],
    ['raw d.ova --from raw --ova-disk x', '--ova-disk needs an OVA or a VMA, and d.ova is not'],
    ['info d.vmdk --ova-disk x', '--ova-disk needs an OVA or a VMA, and d.vmdk is not'],
    ['verify d.gz --ova-disk x', '--ova-disk needs an OVA or a VMA, and d.gz is not'],
    ['verify d --against-from raw', '--against-from needs --against'],
    ['raw --dry-run --json', 'the plan for a disk in use is not printed as JSON'],
    ['raw disk --dry-run --quiet', '--dry-run and --quiet exclude each other'],
    ['raw d --include-swap', '--include-swap needs --checkpoint, or no DISK at all'],
    ['raw d --checkpoint --size 1G', '--size and --checkpoint exclude each other'],
    ['raw --disk d --size 1G', '--size and --disk exclude each other'],
    ['raw d --whole-pool --no-snapshot', '--no-snapshot and --whole-pool exclude each other'],
    ['raw d --disk e', '--disk e and the operand d both name a disk'],
    ['raw --disk d --disk d', 'd is given twice: each disk of a machine is another'],
    [
      'qcow2 --disk d --disk e -o x.qcow2',
      '-o x.qcow2 names one file, and qcow2 makes one of each of 2',
    ],
  ])('kexport %s', (line, message) => {
    const { status, stdout, stderr } = kexport(line.split(' '));
    expect(stderr).toContain(`kexport: ${message}`);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(status).toBe(2);
    if (!line.includes('--json')) expect(stdout).toBe('');
  });

  test.each([
    'raw d --zip --level 9',
    'ova,raw d --cpus 2',
    'qcow2 d --firmware bios',
    'raw,vmdk d --keep-gpt --keep-going',
    'raw d.ova --ova-disk x',
    'raw d --from ova --ova-disk x',
    'qcow2,vmdk d --compression zstd --optimize size',
  ])('but not kexport %s', (line) => {
    const { stderr } = kexport(line.split(' '));
    expect(stderr).toMatch(/cannot open d|has no zstd/);
  });
});
