import { describe, expect, test } from 'vitest';
import { asFlag } from '../src/cli/options/flags.ts';
import { longForm, type OptionName, OPTIONS } from '../src/cli/options/options.ts';
import { KexportError, option, OPTION_NAMES, wording } from '../src/errors.ts';

const force = new KexportError('exists', 'x.raw exists', {
  hint: wording`use ${option('force', true)} to replace it`,
});

describe('an error that names options', () => {
  test('writes them as properties to those who call the library', () => {
    expect(force.hint).toBe('use { force: true } to replace it');
    const size = wording`the disk has 4 bytes, ${option('size')} says ${3}`;
    expect(new KexportError('source', size).message).toBe('the disk has 4 bytes, size says 3');
  });

  test('writes them as flags to those who type commands', () => {
    expect(force.inNotation(asFlag)).toEqual({
      message: 'x.raw exists',
      hint: 'use --force to replace it',
    });
    expect(asFlag(option('takeSnapshot', false))).toBe('--no-snapshot');
    expect(asFlag(option('flatten', "a disk's"))).toBe("--flatten 'a disk'\\''s'");
  });

  test('takes texts with options into another', () => {
    const inner = wording`say ${option('from', 'gz')}`;
    const { hint } = new KexportError('source', 'x', { hint: wording`${inner}, or unpack it` });
    expect(hint).toBe('say { from: "gz" }, or unpack it');
  });

  test('has no hint where nothing helps', () => {
    expect(new KexportError('source', 'x').inNotation(asFlag).hint).toBeUndefined();
  });
});

test.each(OPTION_NAMES)('the flag of %s is one of the command line', (name) => {
  const flags = (Object.keys(OPTIONS) as OptionName[]).map(longForm);
  expect(flags).toContain(asFlag(option(name)));
});
