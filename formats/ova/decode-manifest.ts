import type { ManifestAlgorithm, ManifestLine } from './encode-manifest.ts';

/** A line of a manifest that says how the member is hashed. */
export interface DecodedLine extends ManifestLine {
  readonly algorithm: ManifestAlgorithm;
}

/**
 * All forms that versions of OpenSSL have written; see `encodeManifest` for the one written here.
 */
const LINE = /^SHA(?:2-)?(1|256|512)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)$/;

/**
 * Decodes a manifest: its lines, or the text of those that cannot be read. Empty ones are left out.
 */
export function decodeManifest(bytes: Uint8Array): (DecodedLine | string)[] {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  return lines.filter((line) => line.trim() !== '').map(decodeLine);
}

function decodeLine(line: string): DecodedLine | string {
  const [, bits, name, digest] = LINE.exec(line.trim()) ?? [];
  if (bits === undefined || name === undefined || digest === undefined) return line;
  return { algorithm: `sha${bits}` as ManifestAlgorithm, name, digest: digest.toLowerCase() };
}
