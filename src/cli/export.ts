import type { CompressorName } from '../compress/compressor.ts';
import { encode, type EncodeResult } from '../encode.ts';
import type { Compression } from '../encodings.ts';
import { KexportError } from '../errors.ts';
import { warningsFor } from '../inspect/warnings-for.ts';
import { openSource } from '../sources/open.ts';
import { writeChecksums } from './checksums.ts';
import { EXIT_FAILURE, reportError } from './exit.ts';
import { openOutputs, type OutputOptions, type Outputs } from './outputs.ts';
import { type Output, type Plan, planOutputs, type PlanOptions } from './plan.ts';
import { type ProgressDisplay, progressDisplay } from './progress.ts';
import { formatReport, jsonReport } from './report.ts';
import type { Request } from './request.ts';
import { abortOnSignals } from './signals.ts';

/** The options of the command line, as they are parsed. */
export interface ExportOptions extends PlanOptions, OutputOptions {
  readonly size?: number;
  readonly from?: 'raw' | 'zfs-send';
  readonly volume?: string;
  readonly snapshot?: string;
  readonly backing?: string;
  readonly flatten?: string;
  readonly keepGpt?: boolean;
  readonly keepGoing?: boolean;
  readonly optimize?: Compression['optimize'];
  readonly threads?: number;
  readonly compressor?: CompressorName;
  readonly quiet?: boolean;
}

/**
 * Carries out an export and tells of it. Returns the exit status; throws a KexportError if no image was made.
 */
export async function exportDisk(request: Request, options: ExportOptions): Promise<number> {
  const folders = [options.outputDir, request.outputDir].filter((folder) => folder !== undefined);
  if (folders.length > 1) {
    throw new KexportError('usage', `two folders for the images: ${folders.join(' and ')}`);
  }
  const [outputDir] = folders;
  const plan = planOutputs(request.formats, { ...options, outputDir });
  const started = performance.now();
  const stop = abortOnSignals();
  const progress = await progressDisplay(options.quiet ?? false);
  const warnings: string[] = [];
  const warn = (text: string) => {
    warnings.push(text);
    progress.say(`kexport: warning: ${text}\n`);
  };
  try {
    const surroundings = { stop, progress, warn };
    const result =
      options.backing === undefined
        ? await exportPlan(request.source, plan, options, surroundings)
        : await (
            await import('./overlay.ts')
          ).exportOverlay(request.source, plan, {
            ...options,
            backing: options.backing,
            signal: stop.signal,
            onProgress: (state) => progress.update(state),
          });
    progress.done();
    const seconds = (performance.now() - started) / 1000;
    process.stdout.on('error', () => (process.exitCode = EXIT_FAILURE)); // nobody reads the report
    if (options.json) process.stdout.write(jsonReport(request.source, result, warnings, seconds));
    else if (!options.quiet) process.stderr.write(formatReport(result, seconds));
    return Math.max(0, ...result.failures.map(({ error }) => reportError(error)));
  } finally {
    progress.done();
    stop.release();
  }
}

interface Surroundings {
  readonly stop: { readonly signal: AbortSignal };
  readonly progress: ProgressDisplay;
  readonly warn: (text: string) => void;
}

async function exportPlan(
  name: string,
  plan: Plan,
  options: ExportOptions,
  { stop, progress, warn }: Surroundings,
): Promise<EncodeResult> {
  const source = await openSource(name, { ...options, signal: stop.signal });
  let outputs: Outputs;
  try {
    const firmware = options.firmware ?? (plan.outputs.some(isOva) ? 'efi' : undefined);
    for (const warning of await warningsFor(source, { firmware })) warn(warning);
    outputs = await openOutputs(plan, name, source, { ...options, signal: stop.signal });
  } catch (error) {
    await source.close();
    throw error;
  }
  try {
    const result = await encode(source, outputs.targets, {
      ...options,
      identity: plan.identity,
      signal: stop.signal,
      onProgress: (state) => progress.update(state),
      onWarning: warn,
      onFinished: () => writeChecksums(outputs),
    });
    await outputs.checksums?.sink.commit();
    return result;
  } catch (error) {
    await outputs.checksums?.sink.discard();
    throw error;
  }
}

function isOva({ format }: Output): boolean {
  return format.name === 'ova';
}
