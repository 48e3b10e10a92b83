import type { ImageInput, Problem, ReadRequest } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { error } from '../problems.ts';
import type { ManifestAlgorithm } from './manifest.ts';
import { type FoundDisk, openDisk, readOf } from './disks.ts';
import { MAX_OVF_SIZE, type OvfMachine } from './ovf-reader.ts';
import type { TarMember } from './tar-reader.ts';

/** An OVA that has been opened. */
export interface Archive {
  readonly members: readonly TarMember[];
  readonly ovf: TarMember;
  readonly machine: OvfMachine;
  readonly disks: readonly FoundDisk[];
}

// Members are hashed in pieces of this, in bytes.
const PIECE = 2 ** 20;

/** The forms that OpenSSL has had for a digest; see `encodeManifest` for the one that every importer reads. */
const MANIFEST_LINE = /^SHA(?:2-)?(1|256|512)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)$/;

/** Tells what is wrong with an archive and with the structure of its disks. Reads all that has a digest. */
export async function* checkArchive(
  archive: Archive,
  request: ReadRequest,
): AsyncGenerator<Problem> {
  yield* checkOrder(archive);
  yield* checkReferences(archive);
  yield* checkHardware(archive.machine);
  yield* checkManifest(archive, request);
  yield* checkDisks(archive, request);
}

/** A member that several disks name is checked once. */
async function* checkDisks({ disks }: Archive, request: ReadRequest): AsyncGenerator<Problem> {
  const sizes = new Map<TarMember, number | undefined>();
  for (const found of disks.filter((each) => readOf(each) !== undefined)) {
    const { disk, member } = found;
    if (!sizes.has(member)) sizes.set(member, yield* checkDisk(request, found));
    const size = sizes.get(member);
    if (size === undefined || disk.capacity === undefined || disk.capacity === size) continue;
    yield error(`the OVF says that ${disk.id} has ${disk.capacity} bytes, it has ${size}`);
  }
}

/** Returns the size of the disk in bytes, undefined for one that cannot be read. */
async function* checkDisk(
  request: ReadRequest,
  found: FoundDisk,
): AsyncGenerator<Problem, number | undefined> {
  try {
    const reader = await openDisk(request, found);
    for await (const { severity, message } of reader.check()) {
      yield { severity, message: `${found.member.name}: ${message}` };
    }
    return reader.facts.diskSize;
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    yield error(`the disk ${found.disk.id} cannot be read: ${cause.message}`);
    return undefined;
  }
}

/** DSP0243, "Distribution as a single file": the OVF, then manifest and certificate, then the files as in References. */
function* checkOrder({ members, ovf, machine }: Archive): Generator<Problem> {
  if (members[0] !== ovf) yield error(`the first member is ${members[0]!.name}, not ${ovf.name}`);
  const names = new Set<string>();
  for (const { name } of members) {
    if (names.has(name)) yield error(`${name} is there twice`);
    names.add(name);
  }
  const places = machine.files.map(({ href }) => members.findIndex(({ name }) => name === href));
  const present = places.filter((place) => place !== -1);
  const descends = present.findIndex((place, i) => i > 0 && place < present[i - 1]!);
  if (descends !== -1) {
    yield error(
      `${members[present[descends]!]!.name} comes before a file that the OVF names first`,
    );
  }
}

function* checkReferences({ members, machine }: Archive): Generator<Problem> {
  const { files, disks } = machine;
  for (const { href, size } of files) {
    const member = members.find(({ name }) => name === href);
    if (!member) yield error(`the OVF names the file ${href}, which is not in the archive`);
    else if (size !== undefined && size !== member.size) {
      yield error(`the OVF says that ${href} has ${size} bytes, it has ${member.size}`);
    }
  }
  for (const { id, fileRef } of disks) {
    if (fileRef === undefined || files.some((file) => file.id === fileRef)) continue;
    yield error(`the disk ${id} is in the file ${fileRef}, which the OVF does not name`);
  }
}

function* checkHardware({ items, disks }: OvfMachine): Generator<Problem> {
  const instances = new Set(items.map((item) => item.get('InstanceID')));
  for (const item of items) {
    const name = item.get('ElementName') ?? item.get('InstanceID') ?? '';
    const parent = item.get('Parent');
    if (parent !== undefined && !instances.has(parent)) {
      yield error(`"${name}" hangs on ${parent}, which the machine does not have`);
    }
    const disk = /^(?:ovf:)?\/{1,2}disk\/(.+)$/.exec(item.get('HostResource') ?? '')?.[1];
    if (disk !== undefined && !disks.some(({ id }) => id === disk)) {
      yield error(`"${name}" is the disk ${disk}, which the OVF does not describe`);
    }
  }
}

/** Compares the digests of the manifest that belongs to the OVF, if there is one. */
async function* checkManifest(
  { members, ovf }: Archive,
  { input, hasher }: ReadRequest,
): AsyncGenerator<Problem> {
  const manifestName = ovf.name.replace(/\.ovf$/, '.mf');
  const manifest = members.find(({ name }) => name === manifestName);
  if (!manifest) return;
  if (manifest.size > MAX_OVF_SIZE) {
    yield error(`${manifest.name} has ${manifest.size} bytes, at most ${MAX_OVF_SIZE} are read`);
    return;
  }
  const text = new TextDecoder().decode(await input.read(manifest.imageOffset, manifest.size));
  const named = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const [, bits, name, digest] = MANIFEST_LINE.exec(line.trim()) ?? [];
    const member = members.find((each) => each.name === name);
    if (digest === undefined)
      yield error(`a line of ${manifest.name}: ${JSON.stringify(line.slice(0, 60))}`);
    else if (!member)
      yield error(`${manifest.name} has the digest of ${name!}, which is not in the archive`);
    else if (named.has(name!)) yield error(`${manifest.name} has ${name!} twice`);
    else {
      named.add(name!);
      const found = await digestOf(input, member, hasher(`sha${bits!}` as ManifestAlgorithm));
      if (found === digest.toLowerCase()) continue;
      yield error(`${name!} has the digest ${found}, the manifest says ${digest.toLowerCase()}`);
    }
  }
}

async function digestOf(
  input: ImageInput,
  { size, imageOffset }: TarMember,
  hasher: ReturnType<ReadRequest['hasher']>,
): Promise<string> {
  for (let done = 0; done < size; done += PIECE) {
    hasher.update(await input.read(imageOffset + done, Math.min(PIECE, size - done)));
  }
  return hasher.digest();
}
