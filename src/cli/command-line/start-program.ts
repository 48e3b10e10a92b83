import type { Program } from './program.ts';
import { EXIT_FAILURE, reportError } from './report-error.ts';
import { runProgram } from './run-program.ts';

/** Runs a program as that of this process, with the words of its command line. */
export function startProgram(program: Program, words: readonly string[]): void {
  process.exitCode = EXIT_FAILURE;
  // Node ends with the status that is set when nothing is left to wait for, be it by a bug.
  const onIdle = () => reportError(new Error('it waits for what never comes'), program.name);
  process.once('beforeExit', onIdle);
  void runProgram(program, words).then((status) => {
    process.off('beforeExit', onIdle);
    process.exitCode = status;
  });
}
