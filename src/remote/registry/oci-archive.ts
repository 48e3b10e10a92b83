// What is in an OCI archive: the blobs, and the manifest that names them.

import type { ImageInput } from '../../../formats/contract.ts';
import { BLOBS, INDEX_FILE, MEDIA_TYPES } from '../../../formats/containerdisk/layout.ts';
import { readMembers, type TarMember } from '../../../formats/tar/decode-tar.ts';
import { jsonMembers, membersOf } from '../json-texts.ts';

/** An archive as kexport writes it. */
export interface OciArchive {
  readonly manifest: OciManifest;
  readonly config: ArchivedBlob;
  /** The disk. */
  readonly layer: ArchivedBlob;
}

export interface OciManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** A blob in an archive. */
export interface ArchivedBlob {
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /** Where its bytes begin in the archive. */
  readonly imageOffset: number;
}

/** Reads an archive that kexport has written. */
export async function readOciArchive(input: ImageInput): Promise<OciArchive> {
  const members = await readMembers(input);
  const jsonOf = async (name: string) => {
    const { imageOffset, size } = find(members, name);
    const bytes = Uint8Array.from(await input.read(imageOffset, size)); // a copy of its own
    return { bytes, value: jsonMembers(new TextDecoder().decode(bytes)) };
  };
  const index = await jsonOf(INDEX_FILE);
  const digest = digestOf(first(index.value['manifests']));
  const { bytes, value } = await jsonOf(memberOf(digest));
  return {
    manifest: { mediaType: MEDIA_TYPES.manifest, digest, bytes },
    config: blobIn(members, value['config']),
    layer: blobIn(members, first(value['layers'])),
  };
}

function blobIn(members: readonly TarMember[], descriptor: unknown): ArchivedBlob {
  const digest = digestOf(descriptor);
  const { size, imageOffset } = find(members, memberOf(digest));
  return { digest, size, imageOffset };
}

function find(members: readonly TarMember[], name: string): TarMember {
  const found = members.find((member) => member.name === name);
  if (found) return found;
  throw new Error(`the archive has no ${name}`);
}

function digestOf(descriptor: unknown): string {
  return String(membersOf(descriptor)['digest']);
}

function memberOf(digest: string): string {
  return digest.replace('sha256:', BLOBS);
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}
