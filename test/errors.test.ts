import { describe, expect, test } from 'vitest';
import { asFlag } from '../src/cli/options/flags.ts';
import { longForm, type OptionName, OPTIONS } from '../src/cli/options/options.ts';
import { KexportError, option, OPTION_NAMES, wording } from '../src/errors.ts';
import type { EncodeOptions } from '../src/export/encode-options.ts';
import type { OverlayOptions } from '../src/export/overlay.ts';
import type { SourceOptions } from '../src/open/source-options.ts';
import type { FileSinkOptions } from '../src/sinks/file.ts';
import type { GoldenOptions } from '../src/zfs/golden/plan.ts';
import type { LiveDiskOptions } from '../src/zfs/live/live-disks.ts';
import type { LiveOptions } from '../src/zfs/live/plan.ts';

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

/** The names of the options of the library, of whichever function. */
type LibraryOption = KeyOf<
  | SourceOptions
  | EncodeOptions
  | OverlayOptions
  | FileSinkOptions
  | LiveOptions
  | LiveDiskOptions
  | GoldenOptions
>;
type KeyOf<Options> = Options extends unknown ? keyof Options : never;

test('errors name nothing but options of the library', () => {
  const names: readonly LibraryOption[] = OPTION_NAMES; // the compiler checks it
  expect(new Set(names).size).toBe(OPTION_NAMES.length);
});

test.each(OPTION_NAMES)('the flag of %s is one of the command line', (name) => {
  const flags = (Object.keys(OPTIONS) as OptionName[]).map(longForm);
  expect(flags).toContain(asFlag(option(name)));
});
