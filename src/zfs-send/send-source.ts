// The disk of a volume from its zfs send stream: of a full one as it comes, in constant memory; of
// a package with increments once all of it has come.

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
  /** What the size of the volume must be, in bytes; it is then known from the start. */
  readonly size?: number | undefined;
  /** The disk that an incremental stream builds upon; is taken over. */
  readonly base?: Source | undefined;
  /** Ends the wait for the beginning of the stream. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a send stream as the disk that it stands for. Waits for its beginning. Takes over the
 * stream; throws a KexportError.
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
 * The disk below, up to the end that it is said to have now: the increment tells of it after its
 * data.
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
    const what = `the stream is incremental: ${stream.snapshot} builds upon the snapshot with the guid ${from}`;
    throw new StreamRefusal('incremental', what);
  }
}
