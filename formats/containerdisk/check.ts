import type { Problem, ReadRequest } from '../contract.ts';
import { error } from '../problems.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { digestOf } from '../tar/digest-of.ts';

/** A blob, and what the JSON that names it says about it. */
export interface NamedBlob {
  /** What it is: the manifest, the config, the layer. */
  readonly what: string;
  /** Undefined if it is not in the archive. */
  readonly member: TarMember | undefined;
  /** In hexadecimal; undefined if there is none. */
  readonly sha256: string | undefined;
  /** In bytes; undefined if the JSON does not say. */
  readonly size: number | undefined;
}

/** Compares size and digest of each blob. Reads all of them. */
export async function* checkBlobs(
  blobs: readonly NamedBlob[],
  { input, hasher }: ReadRequest,
): AsyncGenerator<Problem> {
  for (const { what, member, sha256, size } of blobs) {
    if (!member || sha256 === undefined) {
      yield error(`the ${what} has no SHA-256 by which it is in the archive`);
      continue;
    }
    if (size !== undefined && size !== member.size) {
      yield error(`the ${what} has ${member.size} bytes, expected ${size}`);
    }
    const found = await digestOf(input, member, hasher('sha256'));
    if (found !== sha256) yield error(`the ${what} has the SHA-256 ${found}, expected ${sha256}`);
  }
}
