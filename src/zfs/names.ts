// Names of datasets and snapshots, by the rules of OpenZFS (module/zcommon/zfs_namecheck.c). A
// valid name begins with a letter, so that zfs cannot take it for an option.

import { KexportError } from '../errors.ts';

/** A volume or file system, or one of its snapshots. */
export interface DatasetName {
  /** POOL/PATH. */
  readonly dataset: string;
  /** What follows the @. */
  readonly snapshot: string | undefined;
}

/**
 * ZFS_MAX_DATASET_NAME_LEN less its NUL, for dataset, @ and snapshot together, in bytes. Names are
 * ASCII.
 */
export const MAX_NAME_LENGTH = 255;

const POOL = /^[A-Za-z][A-Za-z0-9_.: -]*$/;
const COMPONENT = /^[A-Za-z0-9_.: -]+$/;

/**
 * Parses `POOL/PATH` or `POOL/PATH@SNAPSHOT`. Throws a KexportError `usage` that says what is wrong
 * with the name.
 */
export function parseDatasetName(name: string): DatasetName {
  const problem = problemOf(name);
  if (problem) {
    const { found, hint } = problem;
    throw new KexportError('usage', `${name} is not the name of a ZFS volume: ${found}`, { hint });
  }
  const [dataset = '', snapshot] = name.split('@');
  return { dataset, snapshot };
}

/** `POOL/PATH` or `POOL/PATH@SNAPSHOT`. */
export function fullName({ dataset, snapshot }: DatasetName): string {
  return snapshot === undefined ? dataset : `${dataset}@${snapshot}`;
}

/** The file system that a dataset lies in; undefined for a pool. */
export function parentOf(dataset: string): string | undefined {
  const slash = dataset.lastIndexOf('/');
  return slash === -1 ? undefined : dataset.slice(0, slash);
}

/** The last part of the name of a dataset or snapshot, which a rename above it leaves. */
export function ownPart(name: string): string {
  return name.split(/[/@]/).at(-1) ?? name;
}

/** Whether a pool may have that name. */
export function isPoolName(text: string): boolean {
  return POOL.test(text);
}

/** The pool that a dataset lies in. */
export function poolOf(dataset: string): string {
  return dataset.split('/', 1)[0] ?? dataset;
}

interface Problem {
  readonly found: string;
  readonly hint?: string;
}

function problemOf(name: string): Problem | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    return { found: `it has ${name.length} characters, ${MAX_NAME_LENGTH} is the most` };
  }
  if (name.includes('#')) {
    return {
      found: 'it names a bookmark, which holds no data',
      hint: 'name a snapshot: VOLUME@SNAPSHOT',
    };
  }
  const [dataset = '', ...snapshots] = name.split('@');
  if (snapshots.length > 1) return { found: 'it has more than one @' };
  const [snapshot] = snapshots;
  if (snapshot === '') {
    return {
      found: 'nothing follows the @',
      hint: `zfs list -t snapshot ${dataset} lists its snapshots`,
    };
  }
  const [pool = '', ...components] = dataset.split('/');
  if (components.at(-1) === '') {
    return { found: 'it ends with a slash', hint: `did you mean ${dataset.replace(/\/+$/, '')}?` };
  }
  if (!POOL.test(pool)) return { found: `"${pool}" is not a valid name of a pool` };
  const wrong = [...components, snapshot ?? 'none'].find((part) => !isComponent(part));
  return wrong === undefined ? undefined : { found: `"${wrong}" is not a valid part of a name` };
}

function isComponent(text: string): boolean {
  return COMPONENT.test(text) && text !== '.' && text !== '..';
}
