import { createReadStream } from 'node:fs';
import { byteStreamFrom, describeStream } from 'kexport';
import { describe, expect, test } from 'vitest';
import { fixture } from '../support/send-streams.ts';

const MIB = 2 ** 20;

describe('describeStream', () => {
  const describeFile = (name: string) =>
    describeStream(byteStreamFrom(createReadStream(fixture(name)), { name }));

  test('lists what a package holds', async () => {
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

  test('lists file systems too', async () => {
    expect(await describeFile('neg-filesystem')).toMatchObject([
      { snapshot: 'tank/tree/fs@a', kind: 'file system', volumeSize: undefined },
    ]);
  });
});
