import { createHash } from 'node:crypto';
import type { HashAlgorithm, Hasher } from '../../formats/index.ts';

/** The hasher that formats are given, by Node's crypto. */
export function hasher(algorithm: HashAlgorithm): Hasher {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}
