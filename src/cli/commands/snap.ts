import type { Run } from '../command-line/program.ts';
import { runProgram } from '../command-line/run-program.ts';
import { KSNAP } from '../programs/ksnap.ts';

/** Is ksnap, for a machine that has one file. */
export const run: Run = (words) => runProgram(KSNAP, words);
