#!/usr/bin/env node
import { runProgram } from './command-line/run-program.ts';
import { KEXPORT } from './programs/kexport.ts';

process.exitCode = await runProgram(KEXPORT, process.argv.slice(2));
