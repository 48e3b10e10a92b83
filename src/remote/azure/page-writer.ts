// Writes the used pages of a page blob ("Put Page"): parts of whole pages of 512 bytes, at most
// 4 MiB at a time, many at the same time.

import { createHash } from 'node:crypto';
import { inFlight } from '../http/in-flight.ts';
import type { TrafficCount } from '../traffic.ts';
import type { Blob } from './blob-store.ts';

/** The most that one request writes, in bytes. */
export const MAX_WRITE = 4 * 2 ** 20;

/** The share of a request that may be zeros between data: a request costs more than they do. */
const MAX_FILLING = 1 / 64;

export interface PageWriter {
  /** Writes pages. Offsets ascend. */
  write(blobOffset: number, bytes: Uint8Array): Promise<void>;
  /** Waits until all is written. */
  done(): Promise<void>;
  /** Gives up what is not written yet. */
  stop(): Promise<void>;
}

export function pageWriter(blob: Blob, connections: number, sent: TrafficCount): PageWriter {
  const flight = inFlight(connections);
  const stop = new AbortController();
  const free: Uint8Array[] = [];
  let pages: Uint8Array | undefined;
  let start = 0;
  let length = 0;
  let filling = 0;

  const flush = async () => {
    if (!pages || length === 0) return;
    const [memory, from, bytes] = [pages, start, pages.subarray(0, length)];
    pages = undefined;
    length = 0;
    await flight.start(async () => {
      await putPages(blob, from, bytes, stop.signal);
      sent.add(bytes.length);
      free.push(memory);
    });
  };

  return {
    async write(blobOffset, bytes) {
      const gap = blobOffset - start - length;
      const isNear = length > 0 && filling + gap <= length * MAX_FILLING;
      if (isNear && length + gap < MAX_WRITE) {
        pages?.fill(0, length, length + gap);
        length += gap;
        filling += gap;
      } else await flush();
      for (let done = 0; done < bytes.length;) {
        if (!pages) {
          pages = free.pop() ?? new Uint8Array(MAX_WRITE);
          start = blobOffset + done;
          filling = 0;
        }
        const piece = bytes.subarray(done, done + MAX_WRITE - length);
        pages.set(piece, length);
        length += piece.length;
        done += piece.length;
        if (length === MAX_WRITE) await flush();
      }
    },
    async done() {
      await flush();
      await flight.done();
    },
    async stop() {
      stop.abort();
      await flight.settled();
    },
  };
}

async function putPages(
  blob: Blob,
  blobOffset: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // A managed disk takes no checksum.
  const md5 = blob.isManagedDisk ? undefined : createHash('md5').update(bytes).digest('base64');
  const range = `bytes=${blobOffset}-${blobOffset + bytes.length - 1}`;
  await blob.send({
    what: `write pages ${range.slice(6)} of`,
    method: 'PUT',
    query: 'comp=page',
    headers: {
      'x-ms-page-write': 'update',
      'x-ms-range': range,
      ...(md5 !== undefined && { 'content-md5': md5 }),
    },
    body: [bytes],
    signal,
  });
}
