import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { EncodeResult } from '../export/encode.ts';
import { zlibLevelOf } from '../export/encodings.ts';
import { KexportError } from '../errors.ts';
import { inspectBackingFile } from '../images/backing-file.ts';
import { encodeOverlay, type OverlayOptions } from '../export/overlay.ts';
import { openChanges } from '../open/open-source.ts';
import type { Source } from '../sources/source.ts';
import { writeChecksums } from './checksums.ts';
import { openOutputs } from './outputs.ts';
import type { Plan } from './plan.ts';

interface OverlayRequest extends Pick<
  OverlayOptions,
  'backingFile' | 'compressor' | 'onProgress' | 'optimize' | 'size' | 'threads'
> {
  readonly signal: AbortSignal;
  readonly level?: number | undefined;
  readonly flatten?: string;
  readonly volume?: string | undefined;
  readonly sentSnapshot?: string | undefined;
  readonly incrementalFrom?: string;
  readonly force?: boolean;
}

/** Makes a qcow2 of what an incremental send stream changes. Throws a KexportError. */
export async function exportOverlay(
  name: string,
  plan: Plan,
  request: OverlayRequest,
): Promise<EncodeResult> {
  const [output, ...others] = plan.outputs;
  if (output?.format.name !== 'qcow2' || others.length > 0) {
    throw new KexportError('usage', '--backing is for a qcow2 alone: others have nothing below', {
      hint: 'for the whole disk in any format, --flatten',
    });
  }
  if (request.flatten !== undefined) {
    throw new KexportError('usage', '--backing and --flatten are two different things to make');
  }
  const { backingFile } = request;
  await inspectBackingFile(backingFile); // before a pipe is waited for
  const backingName = nameFrom(output.path, backingFile);
  const changes = await openChanges(name, request);
  const disk: Source = {
    name,
    size: undefined,
    next: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
  const outputs = await openOutputs(plan, name, disk, { ...request, backing: backingFile }).catch(
    async (error: unknown) => {
      await changes.close();
      throw error;
    },
  );
  const sums = outputs.checksums?.sink;
  try {
    const { sink } = outputs.targets[0]!; // the one output
    const level = zlibLevelOf(request.level);
    const onFinished = () => writeChecksums(outputs);
    const result = await encodeOverlay(changes, sink, {
      ...request,
      level,
      backingName,
      onFinished,
    });
    await sums?.commit();
    return result;
  } catch (error) {
    await sums?.discard();
    throw error;
  }
}

/** An image finds its backing file from its own folder. */
function nameFrom(image: string, backing: string): string {
  if (isAbsolute(backing) || image === '-') return resolve(backing);
  return relative(resolve(dirname(image)), resolve(backing));
}
