import { COMPRESSORS } from '../compress/compressor.ts';
import { KexportError } from '../errors.ts';
import type { EncodeMachineOptions } from './encode-options.ts';
import { checkCompression } from './encodings.ts';
import type { Target } from './image.ts';

/** Throws a KexportError for an export that cannot be, before anything is read. */
export async function checkExport(
  disks: readonly { readonly targets: readonly Target[] }[],
  machines: readonly Target[],
  options: EncodeMachineOptions,
): Promise<void> {
  const targets = [...disks.flatMap((disk) => disk.targets), ...machines];
  const { threads = 1, compressor = 'wasm' } = options;
  if (disks.length === 0) refuse('no disk was given');
  if (targets.length === 0) refuse('no image was requested');
  if (!Number.isInteger(threads) || threads < 1) refuse(`${threads} threads are not 1 or more`);
  if (!COMPRESSORS.includes(compressor)) refuse(`unknown compressor "${compressor}"`);
  for (const { format } of machines) checkCount(format, disks.length);
  if (options.verify) {
    // Imported on demand: it needs the readers of all formats, and most exports are not verified.
    const { checkVerifiable } = await import('./verify-written.ts');
    targets.forEach(checkVerifiable);
  }
  checkCompression(
    targets.map(({ format }) => format),
    options,
  );
}

function checkCount({ name, machine }: Target['format'], count: number): void {
  if (!machine) refuse(`${name} holds one disk, not a machine`);
  if (count <= machine.maxDisks) return;
  const what = `the machine has ${count} disks, ${name} holds at most ${machine.maxDisks}`;
  throw new KexportError('unsupported', what);
}

function refuse(what: string): never {
  throw new KexportError('usage', what);
}
