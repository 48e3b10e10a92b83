// Writes an image to an object of Google Cloud Storage, as a resumable upload: parts are sent while
// the image is made, one after the other. The last one makes the object.

import { crc32c } from '../../../formats/crc32c.ts';
import { KexportError, throwIfAborted, untilAborted } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import { type Sink, writeZeros } from '../../sinks/sink.ts';
import { inFlight } from '../http/in-flight.ts';
import { leftBehind } from '../left-behind.ts';
import { partFiller } from '../part-filler.ts';
import type { SendOptions } from '../store-options.ts';
import { traffic } from '../traffic.ts';
import { gcsFile } from './gcs-file.ts';
import { type GcsObject, gcsObject, type GcsVersion } from './gcs-object.ts';
import { beginUpload, refuseExisting, removeVersion, UPLOAD_UNIT } from './gcs-upload.ts';

/** Bytes that are sent at once: one part is filled while another is sent. */
const PART = 64 * UPLOAD_UNIT;

/**
 * A sink for the object `gs://BUCKET/KEY`. Begins the upload; throws a KexportError, `exists` if
 * the object exists, unless `force` is set.
 */
export async function gcsSink(name: string, options: SendOptions = {}): Promise<OpenSink> {
  const { force = false, verify = false, connections } = options;
  checkEnding(name, options);
  const sent = traffic();
  const object = gcsObject(name, { ...options, code: 'target', onRetry: sent.onRetry });
  if (!force) await refuseExisting(object, options.signal);
  const upload = await beginUpload(object, force, options.signal);
  const stop = new AbortController();
  const filler = partFiller(() => PART);
  const flight = inFlight(1);
  let sum = 0; // CRC-32C of all parts that were taken
  let stored: GcsVersion | undefined;
  let completing: Promise<void> | undefined;
  let forget: () => void = () => undefined;

  const take = () => {
    const { bytes } = filler.take();
    sum = crc32c(bytes, sum);
    return bytes;
  };
  const send = async (signal: AbortSignal | undefined) => {
    const bytes = take();
    const work = async () => {
      await upload.send(bytes, stop.signal);
      sent.add(bytes.length);
      filler.recycle(bytes);
    };
    await untilAborted(flight.start(work), signal);
  };
  const finishUpload = async () => {
    forget = noteLeftover(name, `gcloud storage rm ${shellWord(name)}`);
    const bytes = take();
    const whole = inBase64(sum);
    stored = await upload.complete(bytes, whole, stop.signal);
    sent.add(bytes.length);
    if ((stored.crc32c ?? whole) === whole) return;
    const what = `${name} has the CRC-32C ${stored.crc32c ?? ''}, what was sent has ${whole}`;
    throw new KexportError('target', what, { hint: 'it is removed again: try once more' });
  };
  const complete = () => (completing ??= finishUpload());

  const sink: Sink = {
    name,
    seekable: false,
    get traffic() {
      return sent.total();
    },
    get ids() {
      return stored && { generation: stored.generation, crc32c: stored.crc32c };
    },
    async write(_imageOffset, buffers, signal) {
      throwIfAborted(signal);
      for (const buffer of buffers) {
        for (let done = 0; done < buffer.length;) {
          if (filler.isFull()) await send(signal); // another follows: the last one is kept
          done += filler.add(buffer.subarray(done));
        }
      }
    },
    zeros: (imageOffset, count, signal) => writeZeros(sink, imageOffset, count, signal),
    async finish(length, signal, onProgress) {
      onProgress?.({ phase: 'sending', done: sent.total().bytes, total: length });
      await untilAborted(flight.done(), signal);
      if (verify) await untilAborted(complete(), signal); // nobody can read it before
    },
    ...(verify && {
      readBack: (size: number, signal?: AbortSignal) =>
        gcsFile(object, { size, generation: stored?.generation ?? '' }, { connections, signal }),
    }),
    async commit() {
      await complete();
      forget();
    },
    settle() {
      object.close();
      return Promise.resolve();
    },
    async discard() {
      stop.abort();
      await Promise.allSettled([flight.settled(), completing]);
      try {
        stored ??= await upload.cancel();
        if (stored) await removeVersion(object, stored);
      } catch (error) {
        options.onWarning?.(notRemoved(object, stored, error));
      }
      forget();
      object.close();
    },
  };
  return openSink(sink);
}

/** Throws a KexportError for an archive with a name that Compute Engine refuses. */
function checkEnding(name: string, { formatName }: SendOptions): void {
  if (formatName !== 'gce' || name.endsWith('.tar.gz')) return;
  const what = `Compute Engine makes an image of a .tar.gz only, and ${name} is called otherwise`;
  throw new KexportError('usage', what, { hint: 'let the name end in .tar.gz' });
}

/** As Google writes a CRC-32C: Base64 of its four bytes, the first the most significant. */
function inBase64(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}

function notRemoved({ name }: GcsObject, stored: GcsVersion | undefined, error: unknown) {
  if (!stored) {
    const failed = `the upload to ${name} could not be cancelled`;
    return leftBehind(failed, error, 'Google Cloud Storage, within a week of its own accord,');
  }
  const remedy = `gcloud storage rm ${shellWord(`${name}#${stored.generation}`)}`;
  return leftBehind(`${name} could not be removed`, error, remedy);
}
