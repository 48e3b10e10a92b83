// Opens an OCI archive: index.json -> manifest -> layer, a tar -> the file in disk/.

import type { Format, ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { readMembers, type TarMember } from '../tar/decode-tar.ts';
import { memberInput } from '../tar/member-image.ts';
import { readMember } from '../tar/read-member.ts';
import { checkBlobs, type NamedBlob } from './check.ts';
import { damaged, unsupported } from './faults.ts';
import { BLOBS, DISK_FOLDER, INDEX_FILE, MEDIA_TYPES } from './layout.ts';

/** Limit of this program, on each JSON. */
const MAX_JSON = 2 ** 20;

/** The layer's type in archives of Docker's kind. */
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar';

/** Opens the disk, an image in `diskFormat`. Rejects with a FormatError if there is none. */
export async function readContainerdisk(
  request: ReadRequest,
  diskFormat: Format,
): Promise<ImageReader> {
  const { input } = request;
  const members = await readMembers(input);
  const index = await readJson(input, named(members, INDEX_FILE));
  const descriptor = first(index, 'manifests');
  const manifest = await readJson(input, blobOf(members, descriptor));
  const { member, mediaType } = layerOf(members, manifest);
  const layer = memberInput(input, member);
  const files = await readMembers(layer);
  const file = files.find(({ name }) => name.replace(/^\//, '').startsWith(DISK_FOLDER));
  if (!file) throw damaged(`the layer has no file in ${DISK_FOLDER}`);
  const place = { ...file, imageOffset: member.imageOffset + file.imageOffset };
  const details = { layer: member.name, 'media type': mediaType };
  const inner = await readMember(request, place, diskFormat, { format: 'containerdisk', details });
  const blobs = [
    namedBlob('manifest', members, descriptor),
    namedBlob('config', members, property(manifest, 'config')),
    namedBlob('layer', members, first(manifest, 'layers')),
  ];
  return {
    ...inner,
    async *check() {
      yield* checkBlobs(blobs, request);
      yield* inner.check();
    },
  };
}

function namedBlob(what: string, members: readonly TarMember[], descriptor: unknown): NamedBlob {
  const sha256 = sha256Of(descriptor);
  const size = property(descriptor, 'size');
  return {
    what,
    member: sha256 === undefined ? undefined : memberNamed(members, `${BLOBS}${sha256}`),
    sha256,
    size: typeof size === 'number' ? size : undefined,
  };
}

/** The only layer, which must not be compressed. */
function layerOf(
  members: readonly TarMember[],
  manifest: unknown,
): { readonly member: TarMember; readonly mediaType: string } {
  const layer = first(manifest, 'layers');
  const mediaType = textOf(layer, 'mediaType');
  if (mediaType !== MEDIA_TYPES.layer && mediaType !== DOCKER_LAYER) {
    throw unsupported(
      `its layer is compressed (${mediaType}): skopeo copy --dest-decompress oci-archive:FILE dir:FOLDER unpacks it`,
    );
  }
  return { member: blobOf(members, layer), mediaType };
}

async function readJson(
  input: ImageInput,
  { name, size, imageOffset }: TarMember,
): Promise<unknown> {
  if (size > MAX_JSON) throw unsupported(`${name} has ${size} bytes, at most ${MAX_JSON} are read`);
  const text = new TextDecoder().decode(await input.read(imageOffset, size));
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw damaged(`${name} is not JSON`, { cause });
  }
}

function first(value: unknown, list: string): unknown {
  const found = property(value, list);
  const items: readonly unknown[] = Array.isArray(found) ? found : [];
  if (items.length === 1) return items[0];
  throw unsupported(`it has ${items.length} ${list}, one is expected`);
}

function blobOf(members: readonly TarMember[], descriptor: unknown): TarMember {
  return named(members, `${BLOBS}${sha256Of(descriptor) ?? ''}`);
}

/** The digest in a descriptor; undefined for another hash. */
function sha256Of(descriptor: unknown): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(textOf(descriptor, 'digest'))?.[1];
}

function named(members: readonly TarMember[], wanted: string): TarMember {
  const found = memberNamed(members, wanted);
  if (found) return found;
  throw damaged(`the archive has no ${wanted}`);
}

function memberNamed(members: readonly TarMember[], wanted: string): TarMember | undefined {
  return members.find(({ name }) => name === wanted);
}

function textOf(value: unknown, name: string): string {
  const found = property(value, name);
  return typeof found === 'string' ? found : '';
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
