import { KexportError } from '../../errors.ts';

/** The place of an image in a registry. */
export interface Reference {
  /** Host and perhaps port, as it is typed. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

// "Pulling manifests" in the Distribution Specification has the repository and the tag.
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(
  `^oci://([\\w.-]+(?::\\d+)?|\\[[\\da-f:]+\\](?::\\d+)?)/(${PART}(?:/${PART})*):(\\w[\\w.-]{0,127})$`,
);

/** The place that `oci://REGISTRY/REPOSITORY:TAG` names. Throws a KexportError. */
export function parseReference(name: string): Reference {
  const [, registry, repository, tag] = NAME.exec(name) ?? [];
  if (registry !== undefined && repository !== undefined && tag !== undefined) {
    return { registry, repository, tag };
  }
  throw new KexportError('usage', `${name} does not name an image in a registry`, {
    hint: 'it looks like oci://REGISTRY/REPOSITORY:TAG, in small letters but for the tag',
  });
}

/** Docker's own registry is called by another name than its server has. */
const SERVERS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/** The address of a registry: by https, but on this machine. */
export function addressOf(registry: string): string {
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(registry);
  return `${isLocal ? 'http' : 'https'}://${SERVERS[registry] ?? registry}`;
}
