#!/usr/bin/env node
// ksnap: ZFS snapshots that carry the time in their name.

import { runProgram } from './command-line/run-program.ts';
import { KSNAP } from './programs/ksnap.ts';

process.exitCode = await runProgram(KSNAP, process.argv.slice(2));
