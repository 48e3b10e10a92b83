// Reads the disk of a volume from its zfs send stream: a full stream as it arrives, in constant
// memory; a package with increments once all of it has arrived.

import { type StreamChoice, StreamRefusal } from '../../formats/zfs-send/index.ts';
import { checkBackingFile } from './check-base.ts';
import { type SentChanges, sentChanges } from './changes.ts';
import { withStreamErrors } from './events.ts';
import { endLayer, type Layer, layered, sourceLayer } from './layer.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { layerSource } from './layer-source.ts';
import type { Source } from '../sources/source.ts';

/** Options of `zfsSendSource`. */
export interface ZfsSendOptions extends StreamChoice {
  /** The size that the volume must have, in bytes, if it is known from the start. */
  readonly size?: number | undefined;
  /** The disk that an incremental stream starts from. The new source owns it. */
  readonly base?: Source | undefined;
  /** Aborts the wait for the beginning of the stream. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the disk from a send stream. Waits for the beginning of the stream. Owns `input` and closes
 * it, also if it throws. Throws a KexportError.
 */
export async function zfsSendSource(input: ByteStream, options: ZfsSendOptions): Promise<Source> {
  const { base, size } = options;
  try {
    const changes = await sentChanges(input, options);
    const { name } = changes;
    await withStreamErrors(name, () => checkBase(changes, base));
    const layer = base ? layered([...below(base, size), changes.layer]) : changes.layer;
    const close = async () => {
      await changes.close();
      await base?.close();
    };
    return layerSource({ name, layer, size, snapshotGuid: changes.stream.guid, close });
  } catch (error) {
    await input.close();
    await base?.close();
    throw error;
  }
}

/**
 * The base disk, cut off at the stated size, because the increment itself gives its size only after
 * its data.
 */
function below(base: Source, size: number | undefined): Layer[] {
  return size === undefined ? [sourceLayer(base)] : [sourceLayer(base), endLayer(size)];
}

function checkBase(changes: SentChanges, base: Source | undefined): void {
  const { name, stream, fromGuid } = changes;
  if (base) {
    checkBackingFile({ path: base.name, snapshotGuid: base.snapshotGuid }, { name, fromGuid });
  } else if (fromGuid !== undefined) {
    const from = fromGuid.toString(16);
    const what = `the stream is incremental: ${stream.snapshot} starts from the snapshot with the guid ${from}`;
    throw new StreamRefusal('incremental', what);
  }
}
