import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { inspectBackingFile } from '../images/backing-file.ts';
import type { EncodeResult } from '../export/encode.ts';
import { KexportError } from '../errors.ts';
import { encodeOverlay, type OverlayOptions } from '../export/overlay.ts';
import { openChanges } from '../open/open-source.ts';
import { writeChecksums } from './checksums.ts';
import { openOutputs } from './outputs.ts';
import type { Plan } from './plan.ts';

interface OverlayRequest extends Pick<
  OverlayOptions,
  'compressor' | 'diskSize' | 'onProgress' | 'optimize' | 'signal' | 'threads'
> {
  readonly level?: number;
  readonly backing: string;
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
  const found = await inspectBackingFile(request.backing);
  const backing = { ...found, name: nameFrom(output.path, request.backing) };
  const changes = await openChanges(name, { ...request, backing: undefined });
  const disk = { name, size: undefined };
  const outputs = await openOutputs(plan, disk, request).catch(async (error: unknown) => {
    await changes.close();
    throw error;
  });
  const sums = outputs.checksums?.sink;
  try {
    const { sink } = outputs.targets[0]!; // the one output
    const onFinished = () => writeChecksums(outputs);
    const result = await encodeOverlay(changes, sink, { ...request, backing, onFinished });
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
