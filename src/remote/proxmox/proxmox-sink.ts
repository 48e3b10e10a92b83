// Uploads an image to a storage of Proxmox VE, from which a machine imports it. Proxmox wants to
// know the length and the checksum before the bytes, so that the image is complete first.

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { KexportError, throwIfAborted, untilAborted } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import type { ReadableFile } from '../../host/readable-file.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import type { OnFinishProgress } from '../../sinks/sink.ts';
import { spooledImage } from '../../sinks/spooled-image.ts';
import { failureOf } from '../http/failure.ts';
import { leftBehind } from '../left-behind.ts';
import type { SendOptions } from '../store-options.ts';
import { traffic } from '../traffic.ts';
import { proxmoxApi } from './api.ts';
import { parseProxmox } from './place.ts';
import { checkStorage, exists, findNode, hasVolume, removeVolume, stopTask } from './storage.ts';
import { uploadForm } from './upload-form.ts';

/** How long a failed export waits for a task of its own to end, in milliseconds. */
const GRACE = 15_000;

/** Bytes that are hashed at a time. */
const PIECE = 2 ** 20;

/**
 * A sink for `proxmox://HOST/STORAGE:import/NAME`. Throws a KexportError, `exists` if the image is
 * there, unless `force` is set.
 */
export async function proxmoxSink(name: string, options: SendOptions = {}): Promise<OpenSink> {
  const { force = false, verify = false } = options;
  const place = parseProxmox(name, options);
  const sent = traffic();
  const api = await proxmoxApi(place, { ...options, code: 'target', onRetry: sent.onRetry });
  const node = await findNode(api, place, options.signal);
  await checkStorage(api, node, place, options.signal);
  const isReplaced = await hasVolume(api, node, place, options.signal);
  if (isReplaced && !force) throw exists(place);
  const image = spooledImage();
  const stop = new AbortController();
  const remedy = `ssh root@${place.host} pvesm free ${place.volume}`;
  let spool: ReadableFile | undefined;
  let working: Promise<void> | undefined;
  let forget: () => void = () => undefined;
  let task: string | undefined;
  let mayRun = false; // whether Proxmox may be storing the image
  let isThere = false; // the image, all of it

  const upload = async (
    length: number,
    sha256: string,
    onProgress: OnFinishProgress | undefined,
  ) => {
    if (!spool) throw new Error(`${name} is not complete`);
    forget = noteLeftover(`what was uploaded to ${place.name}`, remedy);
    const file = { fileName: place.fileName, file: spool, length, sha256 };
    const form = uploadForm(file, (done) => {
      mayRun ||= done === length;
      onProgress?.({ phase: 'sending', done, total: length });
    });
    const request = {
      what: `upload ${place.name}`,
      path: `nodes/${node}/storage/${place.storage}/upload`,
      headers: { 'content-type': form.contentType },
      body: form.body,
      signal: stop.signal,
    };
    const answer = await api.send({ ...request, method: 'POST' }).catch((error: unknown) => {
      if (failureOf(error)?.status !== undefined) mayRun = false; // it was refused
      throw error;
    });
    sent.add(length);
    task = String(answer);
    const failed = await api.wait(task, stop.signal);
    mayRun = false;
    isThere = failed === undefined;
    if (failed === undefined) return;
    throw new KexportError('target', `Proxmox VE does not import ${place.name}: ${failed}`);
  };
  const clean = async () => {
    if (task !== undefined && mayRun) await stopTask(api, task);
    // What a task that was broken off has made of an image that was there, nobody knows.
    const isOurs = isThere || (mayRun && !isReplaced);
    if (isOurs && (await hasVolume(api, node, place))) await removeVolume(api, node, place);
  };

  return openSink({
    name: place.name,
    seekable: true,
    get traffic() {
      return sent.total();
    },
    get ids() {
      return isThere ? { volid: place.volume, node, upid: task } : undefined;
    },
    ...image.access,
    async finish(length, signal, onProgress) {
      const file = (spool = await image.finished(length));
      const sha256 = await hashOf(file, length, signal, onProgress);
      if (!force && (await hasVolume(api, node, place))) throw exists(place);
      working = upload(length, sha256, onProgress);
      await untilAborted(working, signal);
    },
    ...(verify && {
      // Nothing is read from Proxmox; it has compared the checksum of what is here.
      readBack() {
        if (!spool) throw new Error(`${name} is not complete`);
        return { read: spool.read.bind(spool), close: () => Promise.resolve() };
      },
    }),
    commit() {
      forget();
      return Promise.resolve();
    },
    async settle() {
      api.close();
      await image.close();
    },
    async discard() {
      if (!mayRun) stop.abort();
      const ended = Promise.allSettled([working]);
      await Promise.race([ended, setTimeout(GRACE, undefined, { ref: false })]);
      stop.abort();
      await ended;
      try {
        await clean();
      } catch (error) {
        const failed = `what was uploaded to ${place.name} could not be removed`;
        options.onWarning?.(leftBehind(failed, error, remedy));
      }
      forget();
      api.close();
      await image.close();
    },
  });
}

async function hashOf(
  file: ReadableFile,
  length: number,
  signal: AbortSignal | undefined,
  onProgress: OnFinishProgress | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(PIECE);
  for (let at = 0; at < length; at += PIECE) {
    throwIfAborted(signal);
    const piece = buffer.subarray(0, Math.min(PIECE, length - at));
    await file.read(at, piece);
    hash.update(piece);
    onProgress?.({ phase: 'hashing', done: at + piece.length, total: length });
  }
  return hash.digest('hex');
}
