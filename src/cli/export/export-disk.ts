import { checkCompression } from '../../export/encodings.ts';
import { Warning } from '../../errors.ts';
import { openSource } from '../../open/open-source.ts';
import type { Progress } from '../../sources/progress.ts';
import { note, tell } from '../command-line/messages.ts';
import { print } from '../command-line/print.ts';
import { reportError } from '../command-line/report-error.ts';
import { abortOnSignals, ignoreFirstSignal } from '../command-line/signals.ts';
import type { Options } from '../options/options.ts';
import { asFlag } from '../options/flags.ts';
import { paint } from '../print/color.ts';
import { nextSteps } from '../print/next-steps.ts';
import { progressDisplay } from '../print/progress.ts';
import { printable } from '../print/printable.ts';
import { formatReport, jsonReport } from '../print/report.ts';
import { checkEffect } from './check-effect.ts';
import { checkOptions, isDiskInUse } from './check-options.ts';
import type { planDiskInUse } from './disk-in-use.ts';
import { dryRun } from './dry-run.ts';
import type { ExportJob } from './export-job.ts';
import { exportImages, type ExportResult } from './export-images.ts';
import { type Plan, planOutputs } from './plan.ts';
import type { Request } from './request.ts';
import { sourceOptions } from './source-options.ts';

/**
 * Carries out an export and reports on it. Returns the exit status; throws a KexportError if no
 * image was made.
 */
export async function exportDisk(request: Request, options: Options): Promise<number> {
  checkOptions(request, options);
  const plan = planOutputs(request, options);
  const formats = plan.outputs.map(({ format }) => format);
  checkEffect(formats, options);
  checkCompression(formats, options); // before a disk is opened
  if (!isDiskInUse(request, options)) {
    const { source = '' } = request;
    if (options.dryRun) return dryRun(source, plan, options);
    return runExport(source, plan, options, ({ signal, onWarning }) =>
      openSource(source, { ...sourceOptions(options), signal, onWarning }),
    );
  }
  const disk = await planInUse(
    request,
    plan.outputs.map(({ path }) => path),
    options,
  );
  const say = (text: string) => {
    if (!options.quiet) tell(text);
  };
  say(disk.plan);
  if (options.dryRun) return 0;
  const status = await runExport(disk.name, plan, options, ({ signal, onWarning }) =>
    disk.open(signal, onWarning),
  );
  say(disk.firstBoot);
  return status;
}

/** Imported on demand: most disks are not in use. */
async function planInUse(...args: Parameters<typeof planDiskInUse>) {
  const module = await import('./disk-in-use.ts');
  return module.planDiskInUse(...args);
}

async function runExport(
  disk: string,
  plan: Plan,
  options: Options,
  open: Parameters<typeof exportImages>[1],
): Promise<number> {
  const started = performance.now();
  const progress = await progressDisplay(options.quiet ?? false);
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning) => {
    warnings.push(warning);
    const text = `${paint('stderr', 'yellow', 'kexport: warning:')} ${printable(warning.inNotation(asFlag))}\n`;
    progress.say(text);
    note(text);
  };
  const onProgress = (state: Progress) => progress.update(state);
  try {
    if (options.nice) {
      const { lowerPriority } = await import('../../host/lower-priority.ts'); // rare
      const problem = await lowerPriority();
      if (problem !== undefined)
        onWarning(new Warning('priority', `the I/O class stays: ${problem}`));
    }
    const result = await abortOnSignals((signal) =>
      makeImages({ disk, plan, options, signal, onProgress, onWarning }, open),
    );
    ignoreFirstSignal();
    progress.done();
    const seconds = (performance.now() - started) / 1000;
    const report = { source: disk, options, result, warnings, seconds };
    if (options.json) await print(jsonReport(report));
    else if (!options.quiet) tell(formatReport(result, seconds) + nextSteps(report));
    note(`done in ${seconds.toFixed(1)} s`);
    return Math.max(0, ...result.failures.map(({ error }) => reportError(error)));
  } finally {
    progress.done();
  }
}

async function makeImages(
  job: ExportJob,
  open: Parameters<typeof exportImages>[1],
): Promise<ExportResult> {
  if (job.options.backingFile === undefined) return exportImages(job, open);
  const { exportOverlay } = await import('./export-overlay.ts'); // rare
  return exportOverlay(job);
}
