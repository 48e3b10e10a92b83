// Writes a fixed vhd to a page blob of Azure, or into a managed disk that was made for an upload.
//
// A new blob reads as zeros, so that only its used pages are sent. A managed disk may have pages of
// an earlier upload: zeros are written over those.

import { randomUUID } from 'node:crypto';
import { roundUp } from '../../../formats/rounding.ts';
import { KexportError, option, untilAborted, wording } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import { failureOf } from '../http/failure.ts';
import { xmlText } from '../http/xml-text.ts';
import { rangeReader, versionOf } from '../ranges.ts';
import { type RemoteFile, remoteFile } from '../remote-file.ts';
import type { SendOptions } from '../store-options.ts';
import { type StoredParts, storedParts } from '../stored-parts.ts';
import { leftBehind } from '../left-behind.ts';
import { traffic } from '../traffic.ts';
import { type Blob, blobAt } from './blob-store.ts';
import { MAX_WRITE, pageWriter } from './page-writer.ts';

const CONNECTIONS = 8;
const CLEANUP_PATIENCE = 30_000; // milliseconds

/** The largest page blob, in bytes. */
const MAX_BLOB = 8 * 2 ** 40;
const FOOTER = 512;
const MIB = 2 ** 20;

/** Metadata of a blob: tells one that this run has made from any other. */
const MARK = 'x-ms-meta-kexport';

/**
 * A sink for a page blob at that address. Makes the blob, or looks at the managed disk. Throws a
 * KexportError, `exists` if it has data, unless `force` is set.
 */
export async function blobSink(address: string, options: SendOptions = {}): Promise<OpenSink> {
  const { connections = CONNECTIONS, formatName, verify } = options;
  if (formatName !== undefined && formatName !== 'vhd') {
    throw new KexportError('usage', `Azure takes a fixed vhd, not a ${formatName}`, {
      hint: 'kexport vhd DISK -o ADDRESS',
    });
  }
  const sent = traffic();
  const blob = blobAt(address, { ...options, code: 'target', onRetry: sent.onRetry });
  const { name, isManagedDisk } = blob;
  const used = storedParts(); // pages that are not zeros before
  const diskLength = isManagedDisk ? await openManagedDisk(blob, used, options) : undefined;
  // Of a disk of unknown size as long as can be: `finish` makes it shorter.
  const { diskSize = MAX_BLOB - 2 * MIB } = options;
  const least = roundUp(diskSize, MIB) + FOOTER;
  let blobLength = diskLength ?? least;
  if (!isManagedDisk) await makeBlob(blob, blobLength, options);
  if (options.diskSize !== undefined && diskLength !== undefined && diskLength < least)
    throw otherLength(name, diskLength, least);
  const remedy = isManagedDisk
    ? 'az disk revoke-access and az disk delete'
    : `az storage blob delete --blob-url ${shellWord(name)} --auth-mode login`;
  const forget = noteLeftover(`what was written to ${name}`, remedy);
  const writer = pageWriter(blob, connections, sent);
  let etag: string | undefined;

  return openSink({
    name,
    seekable: false,
    get traffic() {
      return sent.total();
    },
    get allocated() {
      return sent.total().bytes;
    },
    get ids() {
      return { url: name, etag };
    },
    async write(imageOffset, buffers, signal) {
      let at = imageOffset;
      const end = buffers.reduce((sum, { length }) => sum + length, at);
      // With other formats the disk may be rounded up further.
      if (!isManagedDisk && end > blobLength) await resizeBlob(blob, (blobLength = end));
      for (const buffer of buffers) {
        await untilAborted(writer.write(at, buffer), signal);
        at += buffer.length;
      }
    },
    async zeros(imageOffset, count, signal) {
      const end = imageOffset + count;
      let part = used.firstIn(imageOffset, end);
      while (part) {
        const length = Math.min(part.end - part.start, MAX_WRITE);
        await untilAborted(writer.write(part.start, new Uint8Array(length)), signal);
        part = used.firstIn(part.start + length, end);
      }
    },
    async finish(length, signal, onProgress) {
      if (diskLength !== undefined && diskLength !== length)
        throw otherLength(name, diskLength, length);
      onProgress?.({ phase: 'sending', done: sent.total().bytes, total: length });
      await untilAborted(writer.done(), signal);
      if (!isManagedDisk && length !== blobLength) await resizeBlob(blob, length);
      const head = await blob.send({ what: 'look at', method: 'HEAD', signal });
      etag = head.headers['etag'];
      const found = versionOf(name, head).size;
      if (found !== length) throw otherLength(name, found, length);
    },
    ...(verify && {
      readBack: (size: number, signal?: AbortSignal) =>
        blobFile(blob, size, isManagedDisk ? undefined : etag, signal),
    }),
    commit() {
      forget();
      return Promise.resolve();
    },
    settle() {
      blob.close();
      return Promise.resolve();
    },
    async discard() {
      await writer.stop();
      try {
        if (isManagedDisk) throw new Error('it is a managed disk');
        await blob.send({
          what: 'remove',
          method: 'DELETE',
          accepts: [404],
          patience: CLEANUP_PATIENCE,
        });
      } catch (error) {
        const failed = `what was written to ${name} could not be removed`;
        options.onWarning?.(leftBehind(failed, error, remedy));
      }
      forget();
      blob.close();
    },
  });
}

function otherLength(name: string, found: number, length: number): KexportError {
  return new KexportError('target', `${name} has ${found} bytes, the image ${length}`, {
    hint: `az disk create --upload-size-bytes ${length}`,
  });
}

async function makeBlob(
  blob: Blob,
  length: number,
  { force = false, signal }: SendOptions,
): Promise<void> {
  const mark = randomUUID();
  let repeats = 0;
  try {
    await blob.send({
      what: 'make',
      method: 'PUT',
      headers: {
        'x-ms-blob-type': 'PageBlob',
        'x-ms-blob-content-length': String(length),
        [MARK]: mark,
        ...(!force && { 'if-none-match': '*' }),
      },
      resume: () => {
        repeats++;
        return Promise.resolve({});
      },
      signal,
    });
  } catch (cause) {
    const { status, serviceCode } = failureOf(cause) ?? {};
    if (status !== 412 && serviceCode !== 'BlobAlreadyExists') throw cause;
    // The answer to an earlier attempt may have been lost.
    if (repeats > 0 && (await markOf(blob, signal)) === mark) return;
    throw exists(blob.name, cause);
  }
}

async function markOf(blob: Blob, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { headers } = await blob.send({ what: 'look at', method: 'HEAD', signal });
  return headers[MARK];
}

function exists(name: string, cause?: unknown): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${name} exists`, { cause, hint });
}

async function resizeBlob(blob: Blob, length: number): Promise<void> {
  await blob.send({
    what: 'set the length of',
    method: 'PUT',
    query: 'comp=properties',
    headers: { 'x-ms-blob-content-length': String(length) },
  });
}

/** Lists the pages that a managed disk has, and returns its length in bytes. */
async function openManagedDisk(
  blob: Blob,
  used: StoredParts,
  { force = false, signal }: SendOptions,
): Promise<number> {
  const head = await blob.send({ what: 'look at', method: 'HEAD', signal });
  for (let marker = ''; ;) {
    const next = marker === '' ? '' : `&marker=${encodeURIComponent(marker)}`;
    const { body } = await blob.send({
      what: 'list the pages of',
      method: 'GET',
      query: `comp=pagelist&maxresults=10000${next}`,
      signal,
    });
    const xml = body.toString();
    for (const [, start, end] of xml.matchAll(/<PageRange><Start>(\d+)<\/Start><End>(\d+)</g)) {
      if (!force) throw exists(blob.name);
      used.add(Number(start), Number(end) + 1 - Number(start));
    }
    marker = xmlText(xml, 'NextMarker') ?? '';
    if (marker === '') return versionOf(blob.name, head).size;
  }
}

function blobFile(
  blob: Blob,
  size: number,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): RemoteFile {
  const read = rangeReader(blob.name, { size, etag }, (request) =>
    blob.send({ ...request, signal }),
  );
  return remoteFile(blob.name, size, read);
}
