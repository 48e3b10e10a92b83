import { describe, expect, test } from 'vitest';
import {
  chooseDatasets,
  inPool,
  parseDatasets,
  sendUnits,
} from '../../../src/zfs/golden/datasets.ts';
import { poolSizeFor, spaceOf } from '../../../src/zfs/golden/needed-space.ts';
import { mayHoldIdentity, mountsToSearch } from '../../../src/zfs/golden/source-mounts.ts';

/** Datasets as `zfs list -Hp` prints them, the first columns given. */
function listed(...rows: readonly string[]) {
  const whole = rows.map((row) => {
    const words = row.split(' ');
    const [name = '', mountpoint = 'none', canmount = 'on', root = '-', key = 'none'] = words;
    const type = mountpoint === '-' ? 'volume' : 'filesystem';
    return [name, type, mountpoint, canmount, root, key, 1000, 300, 0].join('\t');
  });
  return parseDatasets(whole);
}

const POOL = listed(
  'rpool',
  'rpool/ROOT',
  'rpool/ROOT/new / noauto',
  'rpool/ROOT/old / noauto',
  'rpool/ROOT/old/var /var',
  'rpool/home /home',
  'rpool/swap -',
);
const names = (datasets: readonly { readonly name: string }[]) => datasets.map(({ name }) => name);

describe('the datasets of a golden image', () => {
  test('are the boot environment that runs, and all but the others', () => {
    const chosen = chooseDatasets(POOL, 'rpool/ROOT/new');
    expect(chosen.bootEnvironment.name).toBe('rpool/ROOT/new');
    const kept = ['', '/ROOT', '/ROOT/new', '/home', '/swap'].map((path) => `rpool${path}`);
    expect(names(chosen.datasets)).toEqual(kept);
    expect(names(chosen.leftOut)).toEqual(['rpool/ROOT/old', 'rpool/ROOT/old/var']);
  });

  test.each(['old', 'rpool/ROOT/old'])('are another boot environment: %s', (wanted) => {
    const { datasets } = chooseDatasets(POOL, 'rpool/ROOT/new', wanted);
    expect(names(datasets)).toContain('rpool/ROOT/old/var');
    expect(names(datasets)).not.toContain('rpool/ROOT/new');
  });

  test('are not those of a name that no boot environment has', () => {
    expect(() => chooseDatasets(POOL, 'rpool/ROOT/new', 'home')).toThrow(
      'home is no boot environment of pool rpool',
    );
    const twice = [...POOL, ...listed('rpool/ROOT2', 'rpool/ROOT2/old / noauto')];
    expect(() => chooseDatasets(twice, 'rpool/ROOT/new', 'old')).toThrow(
      'old is the name of rpool/ROOT/old, rpool/ROOT2/old',
    );
  });

  test('may have a root that is the pool, or whose mount point is legacy', () => {
    const whole = listed('rpool /', 'rpool/home /home', 'rpool/ROOT/x / noauto');
    expect(names(chooseDatasets(whole, 'rpool').datasets)).toEqual(['rpool', 'rpool/home']);
    const legacy = listed('rpool', 'rpool/root legacy');
    expect(chooseDatasets(legacy, 'rpool/root').bootEnvironment.name).toBe('rpool/root');
  });
});

describe('the units that datasets are sent in', () => {
  test('are single ones, and a whole tree where it is encrypted', () => {
    const datasets = listed(
      'rpool',
      'rpool/crypt /c on rpool/crypt prompt',
      'rpool/crypt/a /a on rpool/crypt',
      'rpool/crypt/b /b on rpool/crypt/b prompt',
      'rpool/plain /p',
    );
    const leftOut = listed('rpool/crypt/old / noauto rpool/crypt', 'rpool/crypt/old/x /x on');
    const { units, destroyed } = sendUnits({ datasets, leftOut });
    expect(units).toEqual([
      { dataset: 'rpool', isTree: false, isEncrypted: false },
      { dataset: 'rpool/crypt', isTree: true, isEncrypted: true },
      { dataset: 'rpool/plain', isTree: false, isEncrypted: false },
    ]);
    expect(destroyed).toEqual(['rpool/crypt/old']);
  });

  test('cannot be an encrypted pool', () => {
    const datasets = listed('rpool / on rpool prompt');
    expect(() => sendUnits({ datasets, leftOut: [] })).toThrow(/root dataset .* is encrypted/);
  });

  test('have their names in another pool', () => {
    expect(inPool('kexport-1', 'rpool')).toBe('kexport-1');
    expect(inPool('kexport-1', 'rpool/ROOT/a')).toBe('kexport-1/ROOT/a');
  });
});

describe('the file systems that are searched', () => {
  const mount = (source: string, mountPoint: string) => ({
    ...{ source, mountPoint, root: '/', type: 'zfs' },
    ...{ id: 1, device: '0:1', isReadOnly: false },
  });

  test('are the root and those that may have something of the identity, in order of depth', () => {
    const datasets = listed(
      'rpool none off',
      'rpool/ROOT/a / noauto',
      'rpool/deep /var/log/journal',
      'rpool/log legacy',
      'rpool/old legacy',
      'rpool/off /etc off',
      'rpool/noauto /home noauto',
      'rpool/srv /srv',
      'rpool/vol -',
    );
    const found = mountsToSearch(datasets, datasets[1]!, [mount('rpool/log', '/var/log')]);
    expect(found.map(({ dataset, mountPoint }) => `${dataset.name} ${mountPoint}`)).toEqual([
      'rpool/ROOT/a /',
      'rpool/log /var/log',
      'rpool/deep /var/log/journal',
    ]);
  });

  test.each(['/var', '/var/log', '/var/log/a/b', '/home', '/home/joe', '/root'])(
    'are those that are mounted at %s',
    (place) => expect(mayHoldIdentity(place)).toBe(true),
  );

  test.each(['/home/joe/mail', '/srv', '/var/lib/docker'])('are not those at %s', (place) => {
    expect(mayHoldIdentity(place)).toBe(false);
  });
});

test('a pool has room for what its datasets hold, and for what OpenZFS keeps for itself', () => {
  expect(spaceOf(listed('rpool', 'rpool/a'), { withSnapshots: true })).toBe(2600);
  expect(spaceOf(listed('rpool'), {})).toBe(1000);
  expect(poolSizeFor(2 ** 30)).toBeGreaterThan(2 ** 30 + 128 * 2 ** 20);
  expect(poolSizeFor(100 * 2 ** 30)).toBeGreaterThan(103 * 2 ** 30);
});
