// Chooses the datasets of a pool that a golden image gets: the boot environment, and all that is
// not another boot environment.

import { KexportError } from '../../errors.ts';
import { parentOf, poolOf } from '../names.ts';
import { fields } from '../run.ts';

/** A file system or volume of the source. Sizes in bytes. */
export interface SourceDataset {
  readonly name: string;
  readonly isVolume: boolean;
  /** As `zfs get` prints it: a path, `none`, `legacy`; `-` of a volume. */
  readonly mountpoint: string;
  readonly canmount: string;
  /** The dataset that has the key; undefined if it is not encrypted. */
  readonly encryptionRoot: string | undefined;
  /** `file://...`, `prompt`; of an encryption root. */
  readonly keyLocation: string | undefined;
  /** What it holds, without its snapshots. */
  readonly referenced: number;
  /** What its snapshots hold beside it. */
  readonly inSnapshots: number;
  /** Space that is kept free for it. */
  readonly reserved: number;
}

/** The columns of `zfs list -Hp` that `parseDatasets` takes. */
export const DATASET_COLUMNS =
  'name,type,mountpoint,canmount,encryptionroot,keylocation,referenced,usedbysnapshots,refreservation';

/** Parses what `zfs list -Hp -t filesystem,volume -o DATASET_COLUMNS -r POOL` prints. */
export function parseDatasets(lines: readonly string[]): SourceDataset[] {
  return fields(lines).map((columns) => {
    const [name = '', type, mountpoint = '', canmount = '', root, key, ...sizes] = columns;
    const [referenced = 0, inSnapshots = 0, reserved = 0] = sizes.map((size) => Number(size) || 0);
    const known = (value: string | undefined) => (value === '-' ? undefined : value);
    return {
      ...{ name, isVolume: type === 'volume', mountpoint, canmount },
      ...{ encryptionRoot: known(root), keyLocation: known(key) },
      ...{ referenced, inSnapshots, reserved },
    };
  });
}

/** What an image gets of a pool, and what not. */
export interface Chosen {
  /** The one that `/` is in. */
  readonly bootEnvironment: SourceDataset;
  /** All that the image gets, each after its parent; the first is that of the pool. */
  readonly datasets: readonly SourceDataset[];
  /** The other boot environments, and what is below them. */
  readonly leftOut: readonly SourceDataset[];
}

/**
 * Chooses `wanted`, a boot environment by its name or the last part of that, and what belongs to
 * it. A boot environment is a file system whose mount point is `/`; `running` is the dataset of
 * this machine's `/`. Throws a KexportError.
 */
export function chooseDatasets(
  all: readonly SourceDataset[],
  running: string,
  wanted: string = running,
): Chosen {
  const environments = all.filter(
    ({ name, isVolume, mountpoint }) => !isVolume && (mountpoint === '/' || name === running),
  );
  const named = environments.filter(
    ({ name }) => name === wanted || name.slice(name.lastIndexOf('/') + 1) === wanted,
  );
  const [bootEnvironment, another] = named;
  if (!bootEnvironment || another) {
    const list = (another ? named : environments).map(({ name }) => name).join(', ');
    const pool = poolOf(running);
    const found = another ? `is the name of ${list}` : `is no boot environment of pool ${pool}`;
    throw new KexportError('usage', `${wanted} ${found}`, {
      hint: another ? 'give all of its name' : `they are: ${list}`,
    });
  }
  const others = environments.filter(
    ({ name }) => name !== bootEnvironment.name && !isBelow(bootEnvironment.name, name),
  );
  const isLeftOut = ({ name }: SourceDataset) =>
    others.some((other) => name === other.name || isBelow(name, other.name));
  const sorted = [...all].sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    bootEnvironment,
    datasets: sorted.filter((dataset) => !isLeftOut(dataset)),
    leftOut: sorted.filter(isLeftOut),
  };
}

function isBelow(dataset: string, ancestor: string): boolean {
  return dataset.startsWith(`${ancestor}/`);
}

/** Datasets that are sent by one `zfs send`. */
export interface SendUnit {
  readonly dataset: string;
  /**
   * Whether all below it is sent with it: encrypted datasets that share a key, which would each
   * have a key of its own otherwise.
   */
  readonly isTree: boolean;
  readonly isEncrypted: boolean;
}

/**
 * The units that datasets are sent in, in this order. An encrypted tree is sent raw and whole, so
 * that it brings what was left out below it; `destroyed` is that. Throws a KexportError for what
 * cannot be received.
 */
export function sendUnits({ datasets, leftOut }: Pick<Chosen, 'datasets' | 'leftOut'>): {
  readonly units: readonly SendUnit[];
  readonly destroyed: readonly string[];
} {
  const [pool] = datasets;
  if (pool?.encryptionRoot !== undefined) {
    const what = `the root dataset of pool ${pool.name} is encrypted, and cannot be received as that of a new pool`;
    throw new KexportError('unsupported', what, {
      hint: 'export the disk without --generalize, or move the datasets below one that is not',
    });
  }
  const units = datasets
    .filter(({ name, encryptionRoot }) => encryptionRoot === undefined || encryptionRoot === name)
    .map(({ name, encryptionRoot }) => {
      const isEncrypted = encryptionRoot !== undefined;
      return { dataset: name, isTree: isEncrypted, isEncrypted };
    });
  const trees = units.filter(({ isTree }) => isTree).map(({ dataset }) => dataset);
  const isInTree = (name: string) => trees.some((tree) => isBelow(name, tree));
  return {
    units: units.filter(({ dataset }) => !isInTree(dataset)),
    destroyed: topmost(leftOut.map(({ name }) => name).filter(isInTree)),
  };
}

/** The names that lie below no other of them. */
function topmost(names: readonly string[]): string[] {
  return names.filter((name) => !names.some((other) => isBelow(name, other)));
}

/** The name of a dataset in a pool of another name. */
export function inPool(pool: string, dataset: string): string {
  return parentOf(dataset) === undefined ? pool : `${pool}${dataset.slice(poolOf(dataset).length)}`;
}
