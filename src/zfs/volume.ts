import { KexportError } from '../errors.ts';
import { type DatasetName, fullName, poolOf } from './names.ts';
import { fields, zfs, zfsFailure } from './run.ts';

/** A volume, or a snapshot of one. */
export interface Volume {
  readonly name: DatasetName;
  /** In bytes; a snapshot has the size that the volume had when it was taken. */
  readonly size: number;
  /** The property of a volume; with `none` it has no device. */
  readonly volmode: string | undefined;
}

/**
 * Looks up a volume or a snapshot of one. Throws a KexportError if it does not exist or cannot be
 * read.
 */
export async function findVolume(name: DatasetName, signal?: AbortSignal): Promise<Volume> {
  const properties = await propertiesOf(name, signal);
  const get = (property: string) => properties.get(property);
  const size = Number(get('volsize'));
  if (get('type') === 'filesystem') throw await notAVolume(name, signal);
  if (!(size > 0)) {
    throw new KexportError(
      'source',
      `${fullName(name)} is a snapshot of a file system, not of a volume`,
    );
  }
  if (get('keystatus') === 'unavailable') {
    throw new KexportError('source', `${fullName(name)} is encrypted and its key is not loaded`, {
      hint: `zfs load-key ${get('encryptionroot') ?? name.dataset}`,
    });
  }
  return { name, size, volmode: get('volmode') };
}

/** The guid of a snapshot, which its send streams carry. Throws a KexportError. */
export async function snapshotGuidOf(name: DatasetName, signal?: AbortSignal): Promise<bigint> {
  const [guid = ''] = await zfs(['get', '-Hp', '-o', 'value', 'guid', fullName(name)], { signal });
  if (/^\d+$/.test(guid)) return BigInt(guid);
  throw new KexportError('source', `zfs returned no guid for ${fullName(name)}, but "${guid}"`);
}

const PROPERTIES = 'type,volsize,keystatus,encryptionroot,volmode';

async function propertiesOf(
  name: DatasetName,
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> {
  try {
    const args = ['get', '-Hp', '-o', 'property,value', PROPERTIES, fullName(name)];
    const rows = fields(await zfs(args, { signal }));
    return new Map(rows.map(([property = '', value = '']) => [property, value]));
  } catch (error) {
    if (zfsFailure(error) !== 'missing') throw error;
    throw missing(name, error);
  }
}

function missing(name: DatasetName, cause: unknown): KexportError {
  const { dataset, snapshot } = name;
  const hint =
    snapshot === undefined
      ? `zfs list -t volume -r ${poolOf(dataset)}, or kexport sources, lists the volumes`
      : `zfs list -t snapshot ${dataset} lists its snapshots`;
  const message = `ZFS has no ${snapshot === undefined ? 'volume' : 'snapshot'} ${fullName(name)}`;
  return new KexportError('source', message, { cause, hint });
}

/** How many volumes below a file system a message names. */
const MAX_NAMED = 3;

async function notAVolume(
  { dataset }: DatasetName,
  signal: AbortSignal | undefined,
): Promise<KexportError> {
  const volumes = await zfs(['list', '-H', '-o', 'name', '-t', 'volume', '-r', dataset], {
    signal,
  });
  const named = volumes.slice(0, MAX_NAMED).join(', ');
  const more = volumes.length > MAX_NAMED ? ` and ${volumes.length - MAX_NAMED} more` : '';
  return new KexportError('source', `${dataset} is a file system, not a volume`, {
    hint: volumes.length === 0 ? 'no volume lies below it' : `volumes below it: ${named}${more}`,
  });
}
