import { createHash } from 'node:crypto';
import type { Hasher } from '../../formats/index.ts';

/** The hasher that formats are given, by Node's crypto. */
export function hasher(algorithm: 'sha1' | 'sha256' | 'sha512'): Hasher {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}
