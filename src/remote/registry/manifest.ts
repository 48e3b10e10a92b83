// The manifest of an image, which its tag names.

import { MEDIA_TYPES } from '../../../formats/containerdisk/layout.ts';
import { KexportError, option, wording } from '../../errors.ts';
import type { OciManifest } from './oci-archive.ts';
import type { Repository } from './repository.ts';

/** How long the clean-up of a failed upload is retried, in milliseconds. */
const CLEANUP_PATIENCE = 30_000;

/** What a tag may name. */
const NAMED = [
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.index,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** Throws a KexportError `exists` if the tag exists. */
export async function refuseExisting(repository: Repository, signal?: AbortSignal): Promise<void> {
  const { name, tag } = repository;
  if ((await digestOf(repository, tag, signal)) === undefined) return;
  const hint = wording`use ${option('force', true)} to replace it`;
  throw new KexportError('exists', `${name} exists`, { hint });
}

/**
 * The digest of the manifest that a tag or a digest names, empty if the registry does not say it;
 * undefined if there is none.
 */
export async function digestOf(
  repository: Repository,
  reference: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { status, headers } = await repository.send({
    what: 'look for',
    method: 'HEAD',
    at: `manifests/${reference}`,
    headers: { accept: NAMED.join(', ') },
    accepts: [404],
    signal,
  });
  return status === 404 ? undefined : (headers['docker-content-digest'] ?? '');
}

/** Makes the tag name the manifest, whose blobs must be there. */
export async function pushManifest(
  repository: Repository,
  { mediaType, digest, bytes }: OciManifest,
): Promise<void> {
  const { name, tag } = repository;
  const { headers } = await repository.send({
    what: 'push the manifest of',
    method: 'PUT',
    at: `manifests/${tag}`,
    headers: { 'content-type': mediaType },
    body: [bytes],
  });
  const stored = headers['docker-content-digest'] ?? digest;
  if (stored === digest) return;
  throw new KexportError('target', `${name} was stored as ${stored}, what was sent is ${digest}`);
}

/** Removes the manifest, and all tags that name it. */
export async function removeManifest(
  repository: Repository,
  { digest }: OciManifest,
): Promise<void> {
  await remove(repository, 'remove the manifest of', digest);
}

/** Removes the tag alone, if it names the manifest. Not every registry can do that. */
export async function removeTag(repository: Repository, { digest }: OciManifest): Promise<void> {
  const { tag } = repository;
  if ((await digestOf(repository, tag)) === digest) await remove(repository, 'remove', tag);
}

async function remove(repository: Repository, what: string, reference: string): Promise<void> {
  await repository.send({
    what,
    method: 'DELETE',
    at: `manifests/${reference}`,
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
}
