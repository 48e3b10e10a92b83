// The command that makes the pool of a golden image like that of its source.

import { fields } from '../run.ts';

/** What is taken over from a pool. */
export interface PoolProperties {
  /** Those that `zpool create` sets: autotrim, version and so on. */
  readonly options: readonly (readonly [name: string, value: string])[];
  /** Set once the pool is made: `zpool create` would refuse features that it does not list. */
  readonly compatibility: string | undefined;
  /** Features that are enabled, without `feature@`. The image has no others: GRUB reads few. */
  readonly features: readonly string[];
  /** Whether two hosts watch each other by the pool. */
  readonly multihost: boolean;
}

/** Properties that are taken over if somebody has set them. */
const TAKEN = [
  'autoexpand',
  'autoreplace',
  'autotrim',
  'comment',
  'dedup_table_quota',
  'delegation',
];
const SET_LATER = ['failmode', 'listsnapshots'];

/** Parses what `zpool get -Hp -o property,value,source all POOL` prints. */
export function parsePoolProperties(lines: readonly string[]): PoolProperties {
  const rows = fields(lines);
  const options: (readonly [string, string])[] = [];
  let compatibility: string | undefined;
  const features: string[] = [];
  let multihost = false;
  for (const [name = '', value = '', source = ''] of rows) {
    if (name.startsWith('feature@')) {
      if (value !== 'disabled') features.push(name.slice('feature@'.length));
    } else if (name.startsWith('unsupported@') || source !== 'local') continue;
    else if (name === 'compatibility') compatibility = value;
    else if (name === 'multihost') multihost = value === 'on';
    else if (name === 'version' && value !== '-') options.push([name, value]);
    else if (TAKEN.includes(name) || SET_LATER.includes(name)) options.push([name, value]);
  }
  return { options, compatibility, features, multihost };
}

/** What a pool of an image is made of. */
export interface NewPool {
  /** Its name in the image. */
  readonly name: string;
  /** Its name on this machine, for the time of the export. */
  readonly temporaryName: string;
  /** Base-2 logarithm of its smallest block. */
  readonly ashift: number;
  readonly properties: PoolProperties;
  /** The partition that it is made on. */
  readonly device: string;
  /** A folder that is not there: what is mounted below it does not cover this machine's files. */
  readonly altroot: string;
}

/**
 * The arguments for `zpool create`. Nothing of the pool is mounted: its root dataset gets the
 * properties of the source's with what is received, once these two are inherited.
 */
export function createArguments(pool: NewPool): string[] {
  const { properties, ashift, altroot } = pool;
  const options = [
    ...[`ashift=${ashift}`, 'cachefile=none'],
    ...properties.options.map(([name, value]) => `${name}=${value}`),
    ...properties.features.map((feature) => `feature@${feature}=enabled`),
  ];
  return [
    ...['create', '-d', '-t', pool.temporaryName, '-R', altroot],
    ...options.flatMap((option) => ['-o', option]),
    ...ROOT_ONLY_HERE.flatMap((option) => ['-O', option]),
    ...[pool.name, pool.device],
  ];
}

/** Properties of the root dataset while the pool is on this machine. */
const ROOT_ONLY_HERE = ['canmount=off', 'mountpoint=none', 'volmode=none'];

/** Their names: the image inherits or receives them. */
export const ROOT_INHERITED = ROOT_ONLY_HERE.map((option) => option.split('=', 1)[0] ?? '');
