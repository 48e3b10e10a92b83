// Writes an OVA, a tar, in one pass:
//   front     NAME.ovf, NAME.mf and the header of the disk: holes, patched in when the disk is
//             written; their length does not depend on that
//   disk      NAME-disk.EXT as its own format writes it, hashed on the way
//   end       two blocks of zeros, and padding to a whole record
// The OVF comes first because VMware products and VirtualBox read the archive as a stream.

import type { Disk, Format, FormatWriter, Hasher, WriteRequest } from '../contract.ts';
import type { Machine } from '../machine.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeManifest, type ManifestAlgorithm } from './encode-manifest.ts';
import { encodeOvf, type Profile } from './encode-ovf.ts';
import { encodeMember, encodeTarHeader } from '../tar/encode-tar.ts';
import { unsupported } from './faults.ts';
import { MAX_MEMBER_NAME, MAX_MTIME, TAR_BLOCK, TAR_END, TAR_RECORD } from '../tar/layout.ts';
import { memberOutput } from './member-output.ts';

/** What an archive holds. */
export interface OvaContents {
  /** Writes the file of the disk. It must only append. */
  readonly diskFormat: Format;
  readonly machine: Machine;
  readonly profile: Profile;
  readonly manifest: ManifestAlgorithm | 'none';
}

/**
 * `request.output` must be empty. Rejects with a FormatError if the size of the disk is not known,
 * or if members cannot be named after it.
 */
export async function ovaWriter(
  request: WriteRequest,
  contents: OvaContents,
): Promise<FormatWriter> {
  const { disk, output } = request;
  const { diskFormat, manifest } = contents;
  const front = frontOf(request, contents);
  output.zeros(front.size);

  const hash = manifest === 'none' ? undefined : request.hasher(manifest);
  const member = memberOutput(output, hash);
  const inner = await diskFormat.write({
    ...request,
    fileName: fileNameOf(disk, diskFormat),
    output: member,
  });
  return {
    add: (block) => inner.add(block),
    finish(diskSize) {
      inner.finish(diskSize);
      const fileSize = member.position;
      output.zeros(paddingAfter(fileSize, TAR_BLOCK) + TAR_END);
      output.zeros(paddingAfter(output.position, TAR_RECORD));
      let at = 0;
      for (const part of front.encode(fileSize, hash?.digest())) {
        output.patch(at, part);
        at += part.length;
      }
    },
  };
}

interface Front {
  /** In bytes. */
  readonly size: number;
  /** In pieces that follow each other. The digest is that of the disk's file, if there is one. */
  encode(fileSize: number, fileDigest: string | undefined): Uint8Array[];
}

function frontOf(request: WriteRequest, contents: OvaContents): Front {
  const { disk } = request;
  const { machine, profile, manifest } = contents;
  if (disk.size === undefined) {
    throw unsupported('the size of the disk must be known before it is written');
  }
  const ovfName = `${disk.name}.ovf`;
  const fileName = fileNameOf(disk, contents.diskFormat);
  checkName(fileName);

  const facts = { name: machine.vmName ?? disk.name, machine, profile };
  const file = { fileName, capacity: disk.size, uuid: disk.uuid };
  const describe = (fileSize: number) => encodeOvf({ ...facts, disk: { ...file, fileSize } });
  const ovfSize = describe(Number.MAX_SAFE_INTEGER).length;

  const encode: Front['encode'] = (fileSize, fileDigest) => {
    const ovf = padded(describe(fileSize), ovfSize);
    const files = [{ name: ovfName, bytes: ovf }];
    if (manifest !== 'none') {
      const digest = digestOf(ovf, request.hasher(manifest));
      const lines = [
        { name: ovfName, digest },
        { name: fileName, digest: fileDigest ?? digest }, // all digests have the same length
      ];
      files.push({ name: `${disk.name}.mf`, bytes: encodeManifest(manifest, lines) });
    }
    const mtime = Math.min(Math.max(0, disk.createdAt), MAX_MTIME);
    const members = files.flatMap(({ name, bytes }) => encodeMember({ name, mtime, bytes }));
    return [...members, encodeTarHeader({ name: fileName, mtime, size: fileSize })];
  };
  const size = encode(0, undefined).reduce((sum, part) => sum + part.length, 0);
  return { size, encode };
}

function fileNameOf({ name }: Disk, { extension }: Format): string {
  return `${name}-disk.${extension}`;
}

/** Proxmox accepts only these characters, and tar without pax records no longer name. */
function checkName(fileName: string): void {
  if (!/^[\w.-]+$/.test(fileName)) {
    const allowed = 'letters, digits, ".", "_" and "-"';
    throw unsupported(`the name "${fileName}" has characters other than ${allowed}`);
  }
  if (fileName.length > MAX_MEMBER_NAME) {
    const found = `the name "${fileName}" has ${fileName.length} characters`;
    throw unsupported(`${found}, members have at most ${MAX_MEMBER_NAME}`);
  }
}

function digestOf(bytes: Uint8Array, hasher: Hasher): string {
  hasher.update(bytes);
  return hasher.digest();
}

/** White space may follow the root element. */
function padded(ovf: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(0x0a);
  bytes.set(ovf);
  return bytes;
}
