import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fullName, parentOf, parseDatasetName, poolOf } from '../../src/zfs/names.ts';

describe('the name of a dataset', () => {
  test.each([
    ['tank/vm', { dataset: 'tank/vm', snapshot: undefined }],
    ['tank/vm@daily', { dataset: 'tank/vm', snapshot: 'daily' }],
    ['qcow2/my disk@a b:c', { dataset: 'qcow2/my disk', snapshot: 'a b:c' }],
    ['rpool/data/-x', { dataset: 'rpool/data/-x', snapshot: undefined }],
    [`tank/${'x'.repeat(250)}`, { dataset: `tank/${'x'.repeat(250)}`, snapshot: undefined }],
  ])('is split into its parts: %s', (name, parts) => {
    expect(parseDatasetName(name)).toEqual(parts);
    expect(fullName(parts)).toBe(name);
  });

  test.each([
    ['tank/vm@', 'nothing follows the @'],
    ['tank/vm/', 'it ends with a slash'],
    ['tank/vm#mark', 'it names a bookmark'],
    ['tank@a@b', 'more than one @'],
    ['-r/vm', '"-r" is not a valid name of a pool'],
    ['9tank', '"9tank" is not a valid name of a pool'],
    ['tank//vm', '"" is not a valid part'],
    ['tank/../vm', '".." is not a valid part'],
    ['tank/v%m', '"v%m" is not a valid part'],
    ['tank/vm@a/b', '"a/b" is not a valid part'],
    ['tank/vm\n', 'is not a valid part'],
    [`tank/${'x'.repeat(251)}`, 'it has 256 characters'],
  ])('is refused: %j', (name, found) => {
    expect(() => parseDatasetName(name)).toThrow(found);
  });

  test('is never taken for an option once it is accepted', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab9-_.:/@# %\n')) }), (name) => {
        let parts;
        try {
          parts = parseDatasetName(name);
        } catch {
          return;
        }
        expect(parts.dataset).toMatch(/^[A-Za-z]/);
        expect(name).not.toMatch(/[\n%#]/);
      }),
    );
  });

  test('has a pool and, below it, a parent', () => {
    expect([poolOf('tank/a/b'), poolOf('tank')]).toEqual(['tank', 'tank']);
    expect([parentOf('tank/a/b'), parentOf('tank')]).toEqual(['tank/a', undefined]);
  });
});
