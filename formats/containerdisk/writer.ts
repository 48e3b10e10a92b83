// Writes an OCI archive, a tar:
//   layer       a blob, itself a tar: disk/, disk/NAME.qcow2 as its own format writes it
//   config, manifest, oci-layout, index.json
// The layer is named by its SHA-256 and has the size of the disk's file in front: the headers are
// holes until the layer is read back.

import type { Format, FormatWriter, ImageInput, WriteRequest } from '../contract.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeMember, encodeTarHeader } from '../tar/encode-tar.ts';
import { MAX_MEMBER_NAME, MAX_MTIME, TAR_BLOCK, TAR_END, TAR_RECORD } from '../tar/layout.ts';
import { memberImage } from '../tar/member-image.ts';
import {
  type Blob,
  encodeConfig,
  encodeIndex,
  encodeLayout,
  encodeManifest,
} from './encode-texts.ts';
import { unsupported } from './faults.ts';
import {
  BLOBS,
  DISK_FOLDER,
  FILE_MODE,
  FOLDER_MODE,
  INDEX_FILE,
  LAYOUT_FILE,
  QEMU,
} from './layout.ts';

/** Headers before the disk: of the blob, of the folder, of the file. */
const LAYER_AT = TAR_BLOCK;
const FILE_HEADER_AT = 2 * TAR_BLOCK;
const FILE_AT = 3 * TAR_BLOCK;

/** Bytes that are read back and hashed at a time. */
const CHUNK = 2 ** 20;

/** `request.output` must be empty. Rejects with a FormatError for a name that tar cannot hold. */
export async function containerdiskWriter(
  request: WriteRequest,
  diskFormat: Format,
): Promise<FormatWriter> {
  const { disk, output } = request;
  const mtime = Math.min(Math.max(0, disk.createdAt), MAX_MTIME);
  const name = `${DISK_FOLDER}${disk.name}.${diskFormat.extension}`;
  if (name.length > MAX_MEMBER_NAME) {
    const found = `the name "${name}" has ${name.length} characters`;
    throw unsupported(`${found}, members have at most ${MAX_MEMBER_NAME}`);
  }
  output.zeros(LAYER_AT);
  const folder = { name: DISK_FOLDER, mtime, mode: FOLDER_MODE, owner: QEMU, size: 0 };
  output.append(encodeTarHeader(folder));
  output.zeros(FILE_AT - FILE_HEADER_AT);
  const member = memberImage(output);
  const inner = await diskFormat.write({ ...request, output: member });
  let layerSize = 0;

  return {
    add: (block) => inner.add(block),
    finish(diskSize) {
      inner.finish(diskSize);
      const { position: size } = member;
      const file = { name, mtime, mode: FILE_MODE, owner: QEMU, size };
      output.patch(FILE_HEADER_AT, encodeTarHeader(file));
      output.zeros(paddingAfter(size, TAR_BLOCK) + TAR_END);
      layerSize = output.position - LAYER_AT;
    },
    async seal(image) {
      const layer = await hashLayer(image);
      output.patch(0, encodeTarHeader({ name: nameOf(layer), mtime, size: layer.size }));
      const config = add(encodeConfig(disk, layer));
      const manifest = add(encodeManifest(config, layer));
      append(LAYOUT_FILE, encodeLayout());
      append(INDEX_FILE, encodeIndex(manifest));
      output.zeros(TAR_END);
      output.zeros(paddingAfter(output.position, TAR_RECORD));
    },
  };

  async function hashLayer(image: Pick<ImageInput, 'read'>): Promise<Blob> {
    const hash = request.hasher('sha256');
    for (let at = 0; at < layerSize; at += CHUNK) {
      hash.update(await image.read(LAYER_AT + at, Math.min(CHUNK, layerSize - at)));
    }
    return { size: layerSize, sha256: hash.digest() };
  }

  function add(bytes: Uint8Array): Blob {
    const hash = request.hasher('sha256');
    hash.update(bytes);
    const blob = { size: bytes.length, sha256: hash.digest() };
    append(nameOf(blob), bytes);
    return blob;
  }

  function append(member: string, bytes: Uint8Array): void {
    for (const part of encodeMember({ name: member, mtime, bytes })) output.append(part);
  }
}

function nameOf({ sha256 }: Blob): string {
  return `${BLOBS}${sha256}`;
}
