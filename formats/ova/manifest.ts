// The digests of an OVA's members, a line each: DSP0243, "OVF manifest file", in the form that every importer
// reads. vCenter takes neither a space before the parenthesis nor OpenSSL's newer `SHA2-256`.

import type { WriteRequest } from '../contract.ts';

/** How the members are hashed. ESXi 6.0 and older know only sha1, virt-v2v no sha512. */
export type ManifestAlgorithm = Parameters<WriteRequest['hasher']>[0];

/** A member and its digest in lower-case hexadecimal. */
export interface ManifestLine {
  readonly name: string;
  readonly digest: string;
}

/** Returns the manifest as ASCII. */
export function encodeManifest(
  algorithm: ManifestAlgorithm,
  lines: readonly ManifestLine[],
): Uint8Array {
  const text = lines.map(({ name, digest }) => `${algorithm.toUpperCase()}(${name})= ${digest}\n`);
  return new TextEncoder().encode(text.join(''));
}
