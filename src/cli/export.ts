import type { CompressorName } from '../compress/compressor.ts';
import { encode, type EncodeResult } from '../encode.ts';
import { KexportError } from '../errors.ts';
import { openSource } from '../sources/open.ts';
import { signalStatus, SIGNALS } from './exit.ts';
import { openOutputs, type OutputOptions, type Plan, planOutputs } from './outputs.ts';
import { progressDisplay } from './progress.ts';
import { formatReport, jsonReport } from './report.ts';
import type { Request } from './request.ts';

/** The options of the command line, as they are parsed. */
export interface ExportOptions extends OutputOptions {
  readonly size?: number;
  readonly from?: 'raw';
  readonly level?: number;
  readonly threads?: number;
  readonly compressor?: CompressorName;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Carries out an export and tells of it. Throws a KexportError. */
export async function exportDisk(request: Request, options: ExportOptions): Promise<void> {
  const outputDir = options.outputDir ?? request.outputDir;
  const plan = planOutputs(request.formats, { ...options, outputDir });
  if (options.json && plan.outputs.some(({ path }) => path === '-')) {
    throw new KexportError('usage', '--json and -o - both want standard output');
  }
  const started = performance.now();
  const stop = abortOnSignals();
  try {
    const result = await encodePlan(request.source, plan, options, stop.signal);
    const seconds = (performance.now() - started) / 1000;
    if (options.json) process.stdout.write(jsonReport(request.source, result, seconds));
    else if (!options.quiet) process.stderr.write(formatReport(result, seconds));
  } finally {
    stop.release();
  }
}

async function encodePlan(
  name: string,
  plan: Plan,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<EncodeResult> {
  const source = await openSource(name, options);
  const targets = await openOutputs(plan, source, options).catch(async (error: unknown) => {
    await source.close();
    throw error;
  });
  const progress = await progressDisplay(options.quiet ?? false);
  try {
    return await encode(source, targets, {
      ...options,
      identity: { name: plan.name },
      signal,
      onProgress: (state) => progress.update(state),
    });
  } finally {
    progress.done();
  }
}

/** A signal that aborts on the first Ctrl-C and its like; a second one ends the program where it stands. */
function abortOnSignals(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write('kexport: stopped at once; a .partial file may be left\n');
      process.exit(signalStatus(name));
    }
    controller.abort(name);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
