// Writes an image to an object of S3, as a multipart upload: parts are sent while the image is
// made, several at a time. The object gets its name when the upload is completed.

import { throwIfAborted, untilAborted } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import { type Sink, writeZeros } from '../../sinks/sink.ts';
import { inFlight } from '../http/in-flight.ts';
import type { SendOptions } from '../store-options.ts';
import { leftBehind } from '../left-behind.ts';
import { partFiller } from '../part-filler.ts';
import { traffic } from '../traffic.ts';
import { type PartSizes, partSizes } from './part-sizes.ts';
import { s3File } from './s3-file.ts';
import { type S3Place, s3Object } from './s3-store.ts';
import { beginUpload, refuseExisting } from './s3-upload.ts';

/** Parts under way, in bytes: of larger parts, fewer are sent at the same time. */
const MEMORY = 128 * 2 ** 20;

const CONNECTIONS = 8;

/**
 * A sink for the object `s3://BUCKET/KEY`. Begins the upload; throws a KexportError, `exists` if
 * the object exists, unless `force` is set.
 */
export async function s3Sink(
  name: string,
  options: SendOptions = {},
  sizeOf: PartSizes = partSizes(options.maxLength),
): Promise<OpenSink> {
  const { force = false, verify = false, connections = CONNECTIONS } = options;
  const sent = traffic();
  const object = s3Object(name, { ...options, code: 'target', onRetry: sent.onRetry });
  if (!force) await refuseExisting(object, options.signal);
  const upload = await beginUpload(object, force, options.signal);
  const partsLeft = [`the parts of an upload to ${name}`, abortCommand(object, upload.id)] as const;
  const removeCommand = `aws s3 rm ${shellWord(name)}`;
  const forgetParts = noteLeftover(...partsLeft);
  let forgetObject: () => void = () => undefined;
  const stop = new AbortController();
  const filler = partFiller(sizeOf);
  const flight = inFlight(connections);

  const send = async (signal: AbortSignal | undefined) => {
    const most = Math.max(1, Math.floor(MEMORY / filler.partSize()));
    const { partNumber, bytes } = filler.take();
    const work = async () => {
      await upload.send(partNumber, bytes, stop.signal);
      sent.add(bytes.length);
      filler.recycle(bytes);
    };
    await untilAborted(flight.start(work, Math.min(connections, most)), signal);
  };
  const complete = async () => {
    if (upload.completed) return;
    forgetObject = noteLeftover(name, removeCommand);
    try {
      await upload.complete();
      forgetParts();
    } finally {
      if (!upload.mayBeComplete) forgetObject();
    }
  };
  const forget = () => {
    forgetParts();
    forgetObject();
  };
  const removed = async (what: string, remedy: string, remove: () => Promise<void>) => {
    try {
      await remove();
    } catch (error) {
      options.onWarning?.(leftBehind(`${what} could not be removed`, error, remedy));
    }
  };

  const sink: Sink = {
    name,
    seekable: false,
    get traffic() {
      return sent.total();
    },
    get ids() {
      return upload.completed && { ...upload.completed };
    },
    async write(_imageOffset, buffers, signal) {
      throwIfAborted(signal);
      for (const buffer of buffers) {
        for (let done = 0; done < buffer.length;) {
          done += filler.add(buffer.subarray(done));
          if (filler.isFull()) await send(signal);
        }
      }
    },
    zeros: (imageOffset, count, signal) => writeZeros(sink, imageOffset, count, signal),
    async finish(length, signal, onProgress) {
      if (!filler.isEmpty()) await send(signal);
      onProgress?.({ phase: 'sending', done: sent.total().bytes, total: length });
      await untilAborted(flight.done(), signal);
      if (verify) await complete(); // nobody can read it before
    },
    ...(verify && {
      readBack: (size: number, signal?: AbortSignal) =>
        s3File(object, { size, etag: upload.completed?.etag }, { connections, signal }),
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
      await flight.settled();
      const { completed } = upload;
      if (!completed) await removed(...partsLeft, () => upload.abort());
      const what = completed ? name : `${name}, which may be complete,`;
      if (upload.mayBeComplete) await removed(what, removeCommand, () => upload.removeObject());
      forget();
      object.close();
    },
  };
  return openSink(sink);
}

function abortCommand({ bucket, key }: S3Place, uploadId: string): string {
  const place = `--bucket ${bucket} --key ${shellWord(key)}`;
  return `aws s3api abort-multipart-upload ${place} --upload-id ${shellWord(uploadId)}`;
}
