import { checkCompression } from '../../export/encodings.ts';
import { Warning } from '../../errors.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Progress } from '../../sources/progress.ts';
import { note, tell } from '../command-line/messages.ts';
import { print } from '../command-line/print.ts';
import { reportError } from '../command-line/report-error.ts';
import { sayWarning } from '../command-line/say-warning.ts';
import { abortOnSignals, ignoreFirstSignal } from '../command-line/signals.ts';
import type { Options } from '../options/options.ts';
import { nextSteps } from '../print/next-steps.ts';
import { progressDisplay } from '../print/progress.ts';
import { formatReport, jsonReport } from '../print/report.ts';
import { checkEffect } from './check-effect.ts';
import { checkOptions, devicesInUse, isDiskInUse } from './check-options.ts';
import type { planDisksInUse } from './disk-in-use.ts';
import { dryRun } from './dry-run.ts';
import type { ExportJob, JobDisk } from './export-job.ts';
import { exportImages, type ExportResult } from './export-images.ts';
import { namedDisks, openNamed } from './named-disks.ts';
import type { Plan } from './plan.ts';
import { planOutputs } from './plan-outputs.ts';
import type { Request } from './request.ts';

/**
 * Carries out an export and reports on it. Returns the exit status; throws a KexportError if no
 * image was made.
 */
export async function exportDisks(request: Request, options: Options): Promise<number> {
  checkOptions(request, options);
  if (isDiskInUse(request, options)) return exportInUse(request, options);
  const disks = await namedDisks(request.sources, options);
  const plan = planFor(request, disks.length, options);
  if (options.dryRun) return dryRun(disks, plan, options);
  return runExport(disks, (running) => openNamed(disks, running), plan, options);
}

/** Throws a KexportError before a disk is opened. */
function planFor(request: Request, diskCount: number, options: Options): Plan {
  const plan = planOutputs(request, diskCount, options);
  const formats = [...new Set(plan.outputs.map(({ format }) => format))];
  checkEffect(formats, plan.outputs.length, options);
  checkCompression(formats, options);
  return plan;
}

/** The same for disks whose pools are in use. */
async function exportInUse(request: Request, options: Options): Promise<number> {
  const named = devicesInUse(request, options);
  planFor(request, Math.max(1, named.length), options); // the command line is checked first
  const inUse = await planInUse(request, options);
  const { disks } = inUse;
  const plan = planFor(request, disks.length, options);
  const say = (text: string) => {
    if (!options.quiet) tell(text);
  };
  say(inUse.plan);
  if (options.dryRun) return 0;
  const status = await runExport(disks, inUse.open, plan, options);
  say(inUse.firstBoot);
  return status;
}

/** Imported on demand: most disks are not in use. */
async function planInUse(...args: Parameters<typeof planDisksInUse>) {
  const [, options] = args;
  if (options.generalize) return (await import('./golden-image.ts')).planGolden(options);
  const module = await import('./disk-in-use.ts');
  return module.planDisksInUse(...args);
}

async function runExport(
  disks: readonly JobDisk[],
  open: ExportJob['open'],
  plan: Plan,
  options: Options,
): Promise<number> {
  const started = performance.now();
  const progress = await progressDisplay(options.quiet ?? false);
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning) => {
    warnings.push(warning);
    sayWarning(progress, warning);
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
      makeImages({ disks, open, plan, options, signal, onProgress, onWarning }),
    );
    ignoreFirstSignal();
    progress.done();
    const seconds = (performance.now() - started) / 1000;
    const { output } = options;
    const shown = output === undefined ? {} : { output: output.map(shownName) };
    const report = {
      sources: disks.map(({ name }) => name),
      options: { ...options, ...shown },
      result,
      warnings,
      seconds,
    };
    if (options.json) await print(jsonReport(report));
    else if (!options.quiet) tell(formatReport(report) + nextSteps(report));
    note(`done in ${seconds.toFixed(1)} s`);
    return Math.max(0, ...result.failures.map(({ error }) => reportError(error)));
  } finally {
    progress.done();
  }
}

async function makeImages(job: ExportJob): Promise<ExportResult> {
  if (job.options.backingFile === undefined) return exportImages(job);
  const { exportOverlay } = await import('./export-overlay.ts'); // rare
  return exportOverlay(job);
}
