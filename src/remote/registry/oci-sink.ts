// Pushes a container disk to a registry. The archive is complete first, since its blobs are named
// by their digests. The tag comes last, and so names nothing before all is there.

import { setTimeout } from 'node:timers/promises';
import type { ReadableFile } from '../../host/readable-file.ts';
import { KexportError, throwIfAborted, untilAborted } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import { spooledImage } from '../../sinks/spooled-image.ts';
import { leftBehind } from '../left-behind.ts';
import type { RemoteFile } from '../remote-file.ts';
import type { SendOptions } from '../store-options.ts';
import { traffic } from '../traffic.ts';
import { blobFile } from './blob-file.ts';
import { type BlobUpload, blobUpload } from './blob-upload.ts';
import { type ArchivedBlob, type OciArchive, readOciArchive } from './oci-archive.ts';
import { type Repository, repositoryOf } from './repository.ts';
import { digestOf, pushManifest, refuseExisting, removeManifest, removeTag } from './manifest.ts';

/** How long a failed export waits for the end of a chunk, in milliseconds. */
const GRACE = 10_000;

/**
 * A sink for the image `oci://REGISTRY/REPOSITORY:TAG`, a container disk. Throws a KexportError,
 * `exists` if the tag exists, unless `force` is set.
 */
export async function ociSink(name: string, options: SendOptions = {}): Promise<OpenSink> {
  const { force = false, verify = false, connections, formatName } = options;
  if (formatName !== undefined && formatName !== 'containerdisk') {
    throw new KexportError('usage', `a registry takes a containerdisk, not a ${formatName}`, {
      hint: 'kexport containerdisk DISK -o oci://REGISTRY/REPOSITORY:TAG',
    });
  }
  const sent = traffic();
  const repository = repositoryOf(name, { ...options, code: 'target', onRetry: sent.onRetry });
  if (!force) await refuseExisting(repository, options.signal);
  const image = spooledImage();
  const ending = new AbortController();
  const stop = new AbortController();
  const uploads: BlobUpload[] = [];
  let archive: OciArchive | undefined;
  let spool: ReadableFile | undefined;
  let working: Promise<void> | undefined;
  let mayHaveTag = false; // one that did not name the manifest before
  let isShared = false; // the manifest was there before: other tags may name it
  let forget: () => void = () => undefined;

  const start = (signal: AbortSignal | undefined, work: () => Promise<void>) => {
    working = work();
    return untilAborted(working, signal);
  };
  const send = async (length: number, onSent: (bytes: number) => void) => {
    const file = (spool = await image.finished(length));
    const input = { size: length, read: readerOf(file) };
    archive = await readOciArchive(input);
    forget = noteLeftover(`what was sent to ${name}`, `${COLLECTED} removes it`);
    const { layer, config } = archive;
    const blobs = [
      { what: 'layer', ...layer },
      { what: 'configuration', ...config },
    ];
    for (const { what, digest, size, imageOffset } of blobs) {
      const read = (position: number, target: Uint8Array) =>
        file.read(imageOffset + position, target);
      const upload = blobUpload(repository, { what, digest, size, read }, sent);
      uploads.push(upload);
      await upload.send({ signal: stop.signal, ending: ending.signal, onSent });
    }
  };
  const closeAll = async () => {
    for (const upload of uploads) await upload.close(stop.signal);
  };
  return openSink({
    name,
    seekable: true,
    get traffic() {
      return sent.total();
    },
    get ids() {
      return archive && idsOf(repository, archive);
    },
    ...image.access,
    async finish(length, signal, onProgress) {
      throwIfAborted(signal);
      const onSent = (done: number) => onProgress?.({ phase: 'sending', done, total: length });
      await start(signal, () => send(length, onSent));
      if (verify) await start(signal, closeAll); // nobody can read them before
    },
    ...(verify && {
      readBack(_size: number, signal?: AbortSignal) {
        if (!spool || !archive) throw new Error(`${name} is not finished`);
        const layer = blobFile(repository, archive.layer, { signal, connections });
        return storedArchive(spool, archive.layer, layer);
      },
    }),
    async commit() {
      if (!archive) throw new Error(`${name} is not finished`);
      await closeAll();
      if (!force) await refuseExisting(repository);
      const { digest } = archive.manifest;
      isShared = (await digestOf(repository, digest)) !== undefined;
      mayHaveTag = !isShared || (await digestOf(repository, repository.tag)) !== digest;
      await pushManifest(repository, archive.manifest);
      forget();
    },
    async settle() {
      repository.close();
      await image.close();
    },
    async discard() {
      // A registry may not know an upload again that was broken off within a chunk.
      ending.abort();
      const ended = Promise.allSettled([working]);
      await Promise.race([ended, setTimeout(GRACE, undefined, { ref: false })]);
      stop.abort();
      await ended;
      const attempt = async (work: Promise<void>, what: string, remedy: string) => {
        await work.catch((error: unknown) =>
          options.onWarning?.(leftBehind(`${what} could not be removed`, error, remedy)),
        );
      };
      if (archive && mayHaveTag) {
        const remove = isShared ? removeTag : removeManifest;
        await attempt(remove(repository, archive.manifest), name, removalOf(name, isShared));
      }
      for (const upload of uploads) {
        await attempt(upload.cancel(), `what was sent to ${name}`, COLLECTED);
      }
      forget();
      repository.close();
      await image.close();
    },
  });
}

/** The command that removes the tag alone, or what it names. */
function removalOf(name: string, isShared: boolean): string {
  return isShared
    ? `regctl tag delete ${shellWord(name.replace(/^oci:\/\//, ''))}`
    : `skopeo delete ${shellWord(name.replace(/^oci:/, 'docker:'))}`;
}

const COLLECTED = 'the garbage collection of the registry';

function idsOf({ registry, repository }: Repository, { manifest, layer }: OciArchive) {
  const { digest } = manifest;
  return { digest, layer: layer.digest, reference: `${registry}/${repository}@${digest}` };
}

function readerOf(file: ReadableFile) {
  return async (imageOffset: number, length: number) => {
    const bytes = new Uint8Array(length);
    await file.read(imageOffset, bytes);
    return bytes;
  };
}

/** The archive with the layer that the registry has. */
function storedArchive(
  spool: ReadableFile,
  { imageOffset: start, size }: ArchivedBlob,
  layer: RemoteFile,
): ReadableFile {
  const end = start + size;
  return {
    async read(position, target) {
      for (let done = 0; done < target.length;) {
        const at = position + done;
        const isLayer = at >= start && at < end;
        const until = at < start ? start : isLayer ? end : Infinity;
        const piece = target.subarray(done, done + until - at);
        await (isLayer ? layer.read(at - start, piece) : spool.read(at, piece));
        done += piece.length;
      }
    },
    close: () => layer.close(),
  };
}
