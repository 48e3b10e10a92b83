// The digests of an OVA's members, a line each: DSP0243, "OVF manifest file", in the form that
// every importer reads. vCenter accepts neither a space before the parenthesis nor OpenSSL's
// `SHA2-256`.

import type { WriteRequest } from '../contract.ts';

/** How members are hashed. ESXi 6.0 and older know only sha1; virt-v2v does not know sha512. */
export type ManifestAlgorithm = Parameters<WriteRequest['hasher']>[0];

/** A member and its digest in lower-case hexadecimal. */
export interface ManifestLine {
  readonly name: string;
  readonly digest: string;
}

/** Encodes a manifest, in ASCII. */
export function encodeManifest(
  algorithm: ManifestAlgorithm,
  lines: readonly ManifestLine[],
): Uint8Array {
  const text = lines.map(({ name, digest }) => `${algorithm.toUpperCase()}(${name})= ${digest}\n`);
  return new TextEncoder().encode(text.join(''));
}
