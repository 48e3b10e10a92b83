import { removeLeftovers } from '../../host/leftovers.ts';
import type { Program } from './program.ts';
import { EXIT_BUG, EXIT_FAILURE, reportError } from './report-error.ts';
import { runProgram } from './run-program.ts';
import { describeLeftovers } from './signals.ts';

/** Runs a program as that of this process, with the words of its command line. */
export function startProgram(program: Program, words: readonly string[]): void {
  process.exitCode = EXIT_FAILURE;
  // Every user sees the command lines of processes, and the query of an address may sign it.
  if (words.some((word) => /https?:\S*\?/i.test(word))) process.title = program.name;
  const onBug = (error: unknown) => {
    const status = reportError(error, program.name);
    const left = removeLeftovers();
    if (left.length > 0) process.stderr.write(`${program.name}: ${describeLeftovers(left)}\n`);
    process.exit(status);
  };
  // Node would open its debugger to every user of this machine. See `progressDisplay`.
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);
  // What no code waits for: it may fail after all of the work is done, or in the middle of it.
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  // Node ends with the status that is set when nothing is left to wait for, be it by a bug.
  const onIdle = () => onBug(new Error('it waits for what never comes'));
  process.once('beforeExit', onIdle);
  void runProgram(program, words).then((status) => {
    process.off('beforeExit', onIdle);
    if (status === EXIT_BUG) removeLeftovers();
    process.exitCode = status;
  });
}
