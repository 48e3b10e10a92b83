// Writes an OVA, a tar, in one pass:
//   front     NAME.ovf, NAME.mf and the header of the disk: holes at first, patched in when the disk is written,
//             of the same length whatever they then say
//   disk      NAME-disk.EXT as its own format writes it, hashed on the way
//   end       two blocks of zeros, and more up to a whole record
// The OVF comes first because VMware products and VirtualBox read the archive as a stream.

import type { Disk, Format, FormatWriter, Hasher, WriteRequest } from '../contract.ts';
import { FormatError } from '../errors.ts';
import type { Machine } from './machine.ts';
import { encodeManifest, type ManifestAlgorithm } from './manifest.ts';
import { memberOutput } from './member-output.ts';
import { encodeOvf, type Profile } from './ovf.ts';
import {
  encodeHeader,
  encodeMember,
  MAX_MEMBER_NAME,
  paddingAfter,
  TAR_BLOCK,
  TAR_END,
  TAR_RECORD,
} from './tar.ts';

/** What an archive is to hold. */
export interface OvaContents {
  /** Makes the disk's file. It must only append. */
  readonly diskFormat: Format;
  /** What people see after the import; undefined for the name of the export. */
  readonly vmName: string | undefined;
  readonly machine: Machine;
  readonly profile: Profile;
  readonly manifest: ManifestAlgorithm | 'none';
}

/**
 * `request.output` must be empty. Rejects with a FormatError if the size of the disk is not known or its name cannot name
 * the members.
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
    disk: { ...disk, name: diskName(disk) }, // libvmdk wants the file to be called what the descriptor says
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
  /** In pieces that follow each other. The digest is that of the disk's file, undefined while there is none. */
  encode(fileSize: number, fileDigest: string | undefined): Uint8Array[];
}

function frontOf(request: WriteRequest, contents: OvaContents): Front {
  const { disk } = request;
  const { vmName = disk.name, machine, profile, manifest } = contents;
  if (disk.size === undefined) {
    throw new FormatError(
      'unsupported',
      'ova: the size of the disk must be known before it is written',
    );
  }
  const ovfName = `${disk.name}.ovf`;
  const fileName = `${diskName(disk)}.${contents.diskFormat.extension}`;
  checkName(fileName);

  const facts = { name: vmName, machine, profile };
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
        { name: fileName, digest: fileDigest ?? digest }, // any has the length
      ];
      files.push({ name: `${disk.name}.mf`, bytes: encodeManifest(manifest, lines) });
    }
    const mtime = disk.createdAt;
    const members = files.flatMap(({ name, bytes }) => encodeMember({ name, mtime, bytes }));
    return [...members, encodeHeader({ name: fileName, mtime, size: fileSize })];
  };
  const size = encode(0, undefined).reduce((sum, part) => sum + part.length, 0);
  return { size, encode };
}

function diskName({ name }: Pick<Disk, 'name'>): string {
  return `${name}-disk`;
}

/** Proxmox takes no other characters in the name of the disk's file, and tar no longer one without records of pax. */
function checkName(fileName: string): void {
  if (!/^[\w.-]+$/.test(fileName)) {
    const allowed = 'letters, digits, ".", "_" and "-"';
    throw new FormatError('unsupported', `ova: the name "${fileName}" has more than ${allowed}`);
  }
  if (fileName.length > MAX_MEMBER_NAME) {
    throw new FormatError(
      'unsupported',
      `ova: the name "${fileName}" has ${fileName.length} characters, a member's has at most ${MAX_MEMBER_NAME}`,
    );
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
