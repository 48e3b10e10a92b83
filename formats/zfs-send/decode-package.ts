import { FormatError } from '../errors.ts';
import { decodeNvList, isNvList, type NvList, type NvValue } from '../zfs/decode-nvlist.ts';
import type { StreamRecord } from './record-reader.ts';

/** What a package (zfs send -p, -R, -I) says about itself at its beginning. */
export interface PackageFacts {
  /** Name of its last snapshot, without the dataset. */
  readonly toSnapshot: string | undefined;
  /** The datasets in it. */
  readonly datasets: readonly PackagedDataset[];
}

/** A file system or a volume; only its streams say which. */
export interface PackagedDataset {
  /** Its full name. */
  readonly name: string;
  /**
   * Guids of its snapshots by their names; not all need to have a stream in the package. Undefined
   * if the package has no list, as from `zfs send -I` without -R or -p.
   */
  readonly snapshots: ReadonlyMap<string, bigint> | undefined;
}

/** What `zfs receive` sets, of every snapshot too. */
const NOT_NEEDED = new Set(['props', 'snapprops', 'snapholds']);

/** Decodes the BEGIN record of a package. Throws a FormatError if its list cannot be right. */
export function packageFacts({ bytes, payload, structs }: StreamRecord): PackageFacts {
  if (payload.length === 0) {
    const [name = '', toSnapshot] = structs.begin.decode(bytes).toName.split('@');
    return { toSnapshot, datasets: [{ name, snapshots: undefined }] };
  }
  const list = decodeNvList(payload, NOT_NEEDED);
  const toSnapshot = list.get('tosnap');
  const datasets = [...asList(list.get('fss'), 'fss').values()].map((dataset) => {
    const facts = asList(dataset, 'fss');
    const name = facts.get('name');
    if (typeof name !== 'string') {
      throw new FormatError('damaged', 'the list of the package has a dataset without a name');
    }
    const snapshots = new Map<string, bigint>();
    for (const [snapshot, guid] of asList(facts.get('snaps'), 'snaps')) {
      if (typeof guid === 'bigint') snapshots.set(snapshot, guid);
    }
    return { name, snapshots };
  });
  return { toSnapshot: typeof toSnapshot === 'string' ? toSnapshot : undefined, datasets };
}

function asList(value: NvValue | undefined, name: string): NvList {
  if (isNvList(value)) return value;
  throw new FormatError('damaged', `the package has no list "${name}"`);
}
