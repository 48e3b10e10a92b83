// The JSON of an image, each in the order of the specification's examples.

import type { Disk } from '../contract.ts';
import { LAYOUT, MEDIA_TYPES } from './layout.ts';

/** A blob: how long it is, and its SHA-256 in hexadecimal. */
export interface Blob {
  readonly size: number;
  readonly sha256: string;
}

/** Encodes "oci-layout". */
export function encodeLayout(): Uint8Array {
  return json(LAYOUT);
}

/** Encodes the configuration. The layer is not compressed, so that its digest is the diff_id. */
export function encodeConfig({ createdAt }: Disk, layer: Blob): Uint8Array {
  return json({
    created: new Date(createdAt * 1000).toISOString(),
    architecture: 'amd64', // of the container, which runs nothing
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
}

/** Encodes the manifest. */
export function encodeManifest(config: Blob, layer: Blob): Uint8Array {
  return json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: descriptor('config', config),
    layers: [descriptor('layer', layer)],
  });
}

/** Encodes "index.json". */
export function encodeIndex(manifest: Blob): Uint8Array {
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  return json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [{ ...descriptor('manifest', manifest), annotations }],
  });
}

function descriptor(kind: keyof typeof MEDIA_TYPES, blob: Blob) {
  return { mediaType: MEDIA_TYPES[kind], digest: digestOf(blob), size: blob.size };
}

function digestOf({ sha256 }: Blob): string {
  return `sha256:${sha256}`;
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
