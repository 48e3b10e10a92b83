import { kexport } from './kexport.ts';

/** The part of `--json` that tests use. */
export interface Report {
  readonly virtualSize: number;
  readonly images: readonly {
    readonly format: string;
    readonly compression?: { readonly windowBits: number };
  }[];
  readonly failures: readonly { readonly format: string; readonly error: string }[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Runs an export in a folder and returns its report. Throws unless it ends with that status. */
export function report(args: readonly string[], cwd: string, status = 0): Report {
  const outcome = kexport([...args, '--json'], { cwd });
  if (outcome.status !== status) {
    throw new Error(
      `kexport ${args.join(' ')} ended with ${String(outcome.status)}: ${outcome.stderr}`,
    );
  }
  return JSON.parse(outcome.stdout) as Report;
}
