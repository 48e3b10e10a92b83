// A storage of Proxmox VE, as far as an image that is to be imported needs it.

import { KexportError, option, wording } from '../../errors.ts';
import { membersOf } from '../json-texts.ts';
import type { ProxmoxApi } from './api.ts';
import type { ProxmoxPlace } from './place.ts';

/** How long the clean-up of a failed upload is retried, in milliseconds. */
const CLEANUP_PATIENCE = 30_000;

/**
 * The node that the image goes to: the one that is named, else the one that is addressed, else the
 * only one. Throws a KexportError.
 */
export async function findNode(
  api: ProxmoxApi,
  { host, node, name }: ProxmoxPlace,
  signal?: AbortSignal,
): Promise<string> {
  if (node !== undefined) return node;
  const what = `list the nodes of ${host}`;
  const found = await api.send({ what, method: 'GET', path: 'nodes', signal });
  const nodes = listOf(found).map((each) => String(each['node']));
  const own = nodes.find((each) => each === host || host.startsWith(`${each}.`));
  const [only] = nodes;
  if (own !== undefined) return own;
  if (only !== undefined && nodes.length === 1) return only;
  throw new KexportError('usage', `${host} is one of several nodes: ${nodes.join(', ')}`, {
    hint: `name the node: ${name}?node=${only ?? 'NODE'}`,
  });
}

/** Throws a KexportError unless the storage takes images to import. */
export async function checkStorage(
  api: ProxmoxApi,
  node: string,
  { storage }: ProxmoxPlace,
  signal?: AbortSignal,
): Promise<void> {
  const path = `nodes/${node}/storage/${storage}/status`;
  const what = `look at the storage ${storage}`;
  const found = await api.send({ what, method: 'GET', path, signal });
  const content = String(membersOf(found)['content']).split(',');
  if (content.includes('import')) return;
  throw new KexportError(
    'target',
    `the storage ${storage} of ${node} does not take images to import`,
    {
      hint: `pvesm set ${storage} --content ${[...content, 'import'].join(',')}; it must be one of files`,
    },
  );
}

/** Whether the image is there. */
export async function hasVolume(
  api: ProxmoxApi,
  node: string,
  { storage, volume }: ProxmoxPlace,
  signal?: AbortSignal,
): Promise<boolean> {
  const path = `nodes/${node}/storage/${storage}/content?content=import`;
  const what = `list the images in ${storage}`;
  const found = await api.send({ what, method: 'GET', path, signal });
  return listOf(found).some(({ volid }) => volid === volume);
}

export function exists({ name }: ProxmoxPlace): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${name} exists`, { hint });
}

/** Removes the image. */
export async function removeVolume(
  api: ProxmoxApi,
  node: string,
  { storage, volume }: ProxmoxPlace,
): Promise<void> {
  const what = `remove ${volume}`;
  const path = `nodes/${node}/storage/${storage}/content/${encodeURIComponent(volume)}?delay=5`;
  const upid = await api.send({ what, method: 'DELETE', path, patience: CLEANUP_PATIENCE });
  const failed = typeof upid === 'string' ? await api.wait(upid) : undefined;
  if (failed !== undefined) throw new KexportError('target', `cannot ${what}: ${failed}`);
}

/** Ends a task that may still run. */
export async function stopTask(api: ProxmoxApi, upid: string): Promise<void> {
  const [, node = ''] = upid.split(':');
  const path = `nodes/${node}/tasks/${encodeURIComponent(upid)}`;
  await api.send({ what: `stop ${upid}`, method: 'DELETE', path, patience: CLEANUP_PATIENCE });
}

function listOf(data: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(data) ? data.map(membersOf) : [];
}
