import type { Problem, ReadRequest } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { error } from '../problems.ts';
import type { Archive } from './archive.ts';
import { decodeManifest } from './decode-manifest.ts';
import { MAX_OVF_SIZE, type OvfDisk, type OvfMachine } from './decode-ovf.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { digestOf } from '../tar/digest-of.ts';
import { diskOfItem, type FoundDisk, type MemberTables, openDisk } from './disks.ts';

/** Checks an archive and the structure of its disks. Reads every member that has a digest. */
export async function* checkOva(archive: Archive, request: ReadRequest): AsyncGenerator<Problem> {
  yield* checkOrder(archive);
  yield* checkReferences(archive);
  yield* checkHardware(archive.machine);
  yield* checkManifest(archive, request);
  yield* checkDisks(archive, request);
}

/** A member that several disks refer to is checked once. */
async function* checkDisks(
  { disks, tables }: Archive,
  request: ReadRequest,
): AsyncGenerator<Problem> {
  const sizes = new Map<TarMember | OvfDisk, number | undefined>();
  for (const found of disks) {
    if (found.isMedium || isMissing(found)) continue;
    const { disk, member: key = disk } = found;
    if (!sizes.has(key)) sizes.set(key, yield* checkDisk(request, found, tables));
    const size = sizes.get(key);
    if (size === undefined || disk.capacity === undefined || disk.capacity === size) continue;
    yield error(`the disk ${disk.id} has ${size} bytes, the OVF says ${disk.capacity}`);
  }
}

/** Whether `checkReferences` tells of the disk. The members of chunks have other names. */
function isMissing({ file, member }: FoundDisk): boolean {
  return member === undefined && file?.chunkSize === undefined;
}

/** Returns the size of the disk in bytes; undefined if it cannot be read. */
async function* checkDisk(
  request: ReadRequest,
  found: FoundDisk,
  tables: MemberTables,
): AsyncGenerator<Problem, number | undefined> {
  try {
    const reader = await openDisk(request, found, tables);
    for await (const { severity, message } of reader.check()) {
      yield { severity, message: `${found.fileName}: ${message}` };
    }
    return reader.facts.diskSize;
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    yield error(`the disk ${found.disk.id} cannot be read: ${cause.message}`);
    return undefined;
  }
}

/**
 * DSP0243, "Distribution as a single file": the OVF, manifest and certificate, then the files in
 * the order of References.
 */
function* checkOrder({ members, ovf, machine }: Archive): Generator<Problem> {
  const [first] = members;
  if (first && first !== ovf) yield error(`the first member is ${first.name}, not ${ovf.name}`);
  const names = new Set<string>();
  for (const { name } of members) {
    if (names.has(name)) yield error(`the archive has two members ${name}`);
    names.add(name);
  }
  const places = machine.files.map(({ href }) => members.findIndex(({ name }) => name === href));
  const present = places.filter((place) => place !== -1);
  const descends = present.findIndex((place, i) => i > 0 && place < present[i - 1]!);
  if (descends !== -1) {
    const { name } = members[present[descends]!]!; // both were found
    yield error(`${name} is in front of a file that the OVF lists before it`);
  }
}

function* checkReferences({ members, machine }: Archive): Generator<Problem> {
  const { files, disks } = machine;
  for (const { href, size, chunkSize } of files) {
    if (chunkSize !== undefined) continue;
    const member = members.find(({ name }) => name === href);
    if (!member) yield error(`the OVF lists the file ${href}, which is not in the archive`);
    else if (size !== undefined && size !== member.size) {
      yield error(`${href} has ${member.size} bytes, the OVF says ${size}`);
    }
  }
  for (const { id, fileRef } of disks) {
    if (fileRef === undefined || files.some((file) => file.id === fileRef)) continue;
    yield error(`the disk ${id} is in the file ${fileRef}, which the OVF does not list`);
  }
}

function* checkHardware({ items, disks }: OvfMachine): Generator<Problem> {
  const instances = new Set(items.map((item) => item.get('InstanceID')));
  for (const item of items) {
    const name = item.get('ElementName') ?? item.get('InstanceID') ?? '';
    const parent = item.get('Parent');
    if (parent !== undefined && !instances.has(parent)) {
      yield error(`the parent of "${name}" is ${parent}, which the machine does not have`);
    }
    const disk = diskOfItem(item);
    if (disk !== undefined && !disks.some(({ id }) => id === disk)) {
      yield error(`"${name}" is the disk ${disk}, which the OVF does not describe`);
    }
  }
}

/** Compares the digests in the manifest of the OVF, if there is one. */
async function* checkManifest(
  { members, ovf }: Archive,
  { input, hasher }: ReadRequest,
): AsyncGenerator<Problem> {
  const manifestName = ovf.name.replace(/\.ovf$/, '.mf');
  const manifest = members.find(({ name }) => name === manifestName);
  if (!manifest) return;
  if (manifest.size > MAX_OVF_SIZE) {
    yield error(`${manifestName} has ${manifest.size} bytes, at most ${MAX_OVF_SIZE} can be read`);
    return;
  }
  const byName = new Map(members.map((member) => [member.name, member]));
  const seen = new Set<string>();
  for (const line of decodeManifest(await input.read(manifest.imageOffset, manifest.size))) {
    if (typeof line === 'string') {
      yield error(
        `${manifestName} has a line that cannot be read: ${JSON.stringify(line.slice(0, 60))}`,
      );
      continue;
    }
    const { algorithm, name, digest } = line;
    const member = byName.get(name);
    if (!member) yield error(`${manifestName} lists ${name}, which is not in the archive`);
    else if (seen.has(name)) yield error(`${manifestName} lists ${name} twice`);
    else {
      seen.add(name);
      const found = await digestOf(input, member, hasher(algorithm));
      if (found !== digest) yield error(`${name} has the digest ${found}, the manifest ${digest}`);
    }
  }
}
