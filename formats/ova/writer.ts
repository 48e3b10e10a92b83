// Writes an OVA, a tar, in one pass:
//   front     NAME.ovf, NAME.mf and the header of the first disk: holes, patched in when all disks
//             are written; their length does not depend on that
//   disks     NAME-disk.EXT, or NAME-disk1.EXT and so on, each as its own format writes it, hashed
//             on the way; the headers of those after the first are holes too, patched in then
//   end       two blocks of zeros, and padding to a whole record
// The OVF comes first because VMware products and VirtualBox read the archive as a stream.

import type {
  Format,
  FormatWriter,
  Hasher,
  MachineRequest,
  MachineWriter,
  WriteRequest,
} from '../contract.ts';
import type { Machine } from '../machine.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeManifest, type ManifestAlgorithm } from './encode-manifest.ts';
import { encodeOvf } from './encode-ovf.ts';
import { encodeMember, encodeTarHeader } from '../tar/encode-tar.ts';
import { unsupported } from './faults.ts';
import { MAX_MEMBER_NAME, MAX_MTIME, TAR_BLOCK, TAR_END, TAR_RECORD } from '../tar/layout.ts';
import { memberOutput } from './member-output.ts';
import type { Profile } from './profile.ts';

/** What an archive holds. */
export interface OvaContents {
  /** Writes the file of each disk. It must only append. */
  readonly diskFormat: Format;
  readonly machine: Machine;
  readonly profile: Profile;
  readonly manifest: ManifestAlgorithm | 'none';
}

/** The archive of a machine with one disk; see {@link ovaMachineWriter}. */
export async function ovaWriter(
  { disk, ...request }: WriteRequest,
  contents: OvaContents,
): Promise<FormatWriter> {
  const { name } = disk;
  const archive = await ovaMachineWriter({ ...request, name, disks: [disk] }, contents);
  const writer = await archive.startDisk();
  return {
    add: (block) => writer.add(block),
    finish: (diskSize) => writer.finish(diskSize),
    seal: async () => archive.finish(),
  };
}

/**
 * `request.output` must be empty. Throws a FormatError if the size of a disk is not known, if there
 * are too many disks, or if members cannot be named after the machine.
 */
export function ovaMachineWriter(
  request: MachineRequest,
  contents: OvaContents,
): Promise<MachineWriter> {
  const { disks, output } = request;
  const { diskFormat, manifest } = contents;
  const front = frontOf(request, contents);
  const written: FileUnderWay[] = [];
  output.zeros(front.size);

  return Promise.resolve({
    async startDisk() {
      const index = written.length;
      const disk = disks[index];
      if (!disk) throw new Error(`the machine has ${disks.length} disks`);
      const headerAt = output.position;
      if (index > 0) output.zeros(TAR_BLOCK);
      const hash = manifest === 'none' ? undefined : request.longHasher(manifest);
      const member = memberOutput(output, hash);
      const fileName = fileNameOf(index, request, diskFormat);
      const writer = await diskFormat.write({ ...request, disk, fileName, output: member });
      return {
        add: (block) => writer.add(block),
        finish(diskSize) {
          writer.finish(diskSize);
          const size = member.position;
          output.zeros(paddingAfter(size, TAR_BLOCK));
          const digest = hash?.digest();
          digest?.catch(() => undefined); // `finish` hears of it
          written.push({ size, digest });
          if (index > 0) output.patch(headerAt, front.encodeHeader(index, size));
        },
      };
    },
    async finish() {
      output.zeros(TAR_END);
      output.zeros(paddingAfter(output.position, TAR_RECORD));
      let at = 0;
      for (const part of front.encode(await Promise.all(written.map(hashedFile)))) {
        output.patch(at, part);
        at += part.length;
      }
    },
  });
}

/** A file of a disk whose bytes were all queued. */
interface FileUnderWay {
  /** In bytes. */
  readonly size: number;
  /** Undefined without a manifest. */
  readonly digest: Promise<string> | undefined;
}

async function hashedFile({ size, digest }: FileUnderWay): Promise<WrittenFile> {
  return { size, digest: await digest };
}

/** A file of a disk, once it is written. */
interface WrittenFile {
  /** In bytes. */
  readonly size: number;
  /** Undefined without a manifest. */
  readonly digest: string | undefined;
}

interface Front {
  /** In bytes. */
  readonly size: number;
  /** In pieces that follow each other, of the files of all disks. */
  encode(files: readonly WrittenFile[]): Uint8Array[];
  /** The header of the member of a disk, of a file of so many bytes. */
  encodeHeader(diskIndex: number, fileSize: number): Uint8Array;
}

function frontOf(request: MachineRequest, contents: OvaContents): Front {
  const { name, disks } = request;
  const { machine, profile, manifest } = contents;
  const mtime = Math.min(Math.max(0, disks[0]?.createdAt ?? 0), MAX_MTIME);
  const facts = { name: machine.vmName ?? name, machine, profile };
  const files = disks.map(({ size: capacity, uuid }, index) => {
    if (capacity === undefined) {
      throw unsupported('the size of the disk must be known before it is written');
    }
    return { fileName: fileNameOf(index, request, contents.diskFormat), capacity, uuid };
  });
  for (const { fileName } of files) checkName(fileName);

  const describe = (sizes: readonly number[]) =>
    encodeOvf({
      ...facts,
      disks: files.map((file, index) => ({ ...file, fileSize: sizes[index] ?? 0 })),
    });
  const ovfSize = describe(files.map(() => Number.MAX_SAFE_INTEGER)).length;

  const encodeHeader: Front['encodeHeader'] = (diskIndex, size) =>
    encodeTarHeader({ name: files[diskIndex]?.fileName ?? '', mtime, size });
  const encode: Front['encode'] = (written) => {
    const ovf = padded(describe(written.map(({ size }) => size)), ovfSize);
    const members = [{ name: `${name}.ovf`, bytes: ovf }];
    if (manifest !== 'none') {
      const digest = digestOf(ovf, request.hasher(manifest));
      const lines = files.map(({ fileName }, index) => ({
        name: fileName,
        digest: written[index]?.digest ?? digest, // all digests have the same length
      }));
      const bytes = encodeManifest(manifest, [{ name: `${name}.ovf`, digest }, ...lines]);
      members.push({ name: `${name}.mf`, bytes });
    }
    const parts = members.flatMap((member) => encodeMember({ ...member, mtime }));
    return [...parts, encodeHeader(0, written[0]?.size ?? 0)];
  };
  const size = encode([]).reduce((sum, part) => sum + part.length, 0);
  return { size, encode, encodeHeader };
}

/** A single disk has no number. */
function fileNameOf(
  diskIndex: number,
  { name, disks }: MachineRequest,
  { extension }: Format,
): string {
  return `${name}-disk${disks.length === 1 ? '' : diskIndex + 1}.${extension}`;
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
