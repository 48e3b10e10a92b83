import { encode, type EncodeResult } from '../export/encode.ts';
import { checkCompression } from '../export/encodings.ts';
import { KexportError } from '../errors.ts';
import { warningsFor } from '../inspect/warnings-for.ts';
import { openSource } from '../open/open-source.ts';
import type { SourceOptions } from '../open/source-options.ts';
import { writeChecksums } from './checksums.ts';
import { EXIT_FAILURE, reportError } from './exit.ts';
import { checkIncrement } from './increment-options.ts';
import { openOutputs, type Outputs } from './outputs.ts';
import { type Output, type Plan, planOutputs } from './plan.ts';
import { type ProgressDisplay, progressDisplay } from './progress.ts';
import { formatReport, jsonReport } from './report.ts';
import { meansThisMachine, type Request } from './request.ts';
import { abortOnSignals } from './signals.ts';
import type { planThisMachine, ThisMachine } from './this-machine.ts';
import type { ExportOptions } from './export-options.ts';

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
  const formats = plan.outputs.map(({ format }) => format);
  await checkCompression(formats, options); // before anything is opened
  checkIncrement(request, options);
  const isThisMachine = meansThisMachine(request.source, options);
  const paths = plan.outputs.map(({ path }) => path);
  const machine = isThisMachine ? await planMachine(request.formats, paths, options) : undefined;
  if (machine && !options.quiet) process.stderr.write(machine.plan);
  if (options.dryRun) return 0;
  const name = request.source ?? machine?.name ?? '';
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
      typeof options.backing === 'string'
        ? await exportIncrement(name, options.backing, plan, options, surroundings)
        : await exportPlan({ name, machine }, plan, options, surroundings);
    progress.done();
    const seconds = (performance.now() - started) / 1000;
    process.stdout.on('error', () => (process.exitCode = EXIT_FAILURE)); // nobody reads the report
    if (options.json) process.stdout.write(jsonReport(name, result, warnings, seconds));
    else if (!options.quiet) process.stderr.write(formatReport(result, seconds));
    if (machine && !options.quiet) process.stderr.write(machine.firstBoot);
    return Math.max(0, ...result.failures.map(({ error }) => reportError(error)));
  } finally {
    progress.done();
    stop.release();
  }
}

/** Loaded late: most exports are of a disk that is named. */
async function planMachine(...args: Parameters<typeof planThisMachine>): Promise<ThisMachine> {
  const { planThisMachine: plan } = await import('./this-machine.ts');
  return plan(...args);
}

interface Surroundings {
  readonly stop: { readonly signal: AbortSignal };
  readonly progress: ProgressDisplay;
  readonly warn: (text: string) => void;
}

interface Origin {
  readonly name: string;
  readonly machine: ThisMachine | undefined;
}

async function exportPlan(
  { name, machine }: Origin,
  plan: Plan,
  options: ExportOptions,
  { stop, progress, warn }: Surroundings,
): Promise<EncodeResult> {
  const source = machine
    ? await machine.open(stop.signal, warn)
    : await openSource(name, {
        ...sourceOptions(options),
        signal: stop.signal,
        onWarning: warn,
      });
  let outputs: Outputs;
  try {
    const firmware = options.firmware ?? (plan.outputs.some(isOva) ? 'efi' : undefined);
    for (const warning of await warningsFor(source, { firmware })) warn(warning);
    const disk = { name: source.origin ?? name, size: source.size };
    outputs = await openOutputs(plan, disk, { ...options, signal: stop.signal });
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

/** What an export without `--backing IMAGE` says of its source. */
function sourceOptions({ snapshot, backing, ...options }: ExportOptions): SourceOptions {
  return {
    ...options,
    snapshot: snapshot !== false,
    sentSnapshot: snapshot === false ? undefined : snapshot,
    backing: backing === true,
  };
}

/** A qcow2 of what an incremental send stream changes. */
async function exportIncrement(
  name: string,
  backing: string,
  plan: Plan,
  options: ExportOptions,
  { stop, progress }: Surroundings,
): Promise<EncodeResult> {
  const { exportOverlay } = await import('./overlay.ts');
  const { snapshot } = options;
  return exportOverlay(name, plan, {
    ...options,
    backing,
    diskSize: options.size,
    sentSnapshot: snapshot === false ? undefined : snapshot,
    signal: stop.signal,
    onProgress: (state) => progress.update(state),
  });
}

function isOva({ format }: Output): boolean {
  return format.name === 'ova';
}
