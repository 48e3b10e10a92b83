#!/usr/bin/env node
import { basename } from 'node:path';
import { startProgram } from './command-line/start-program.ts';
import { KEXPORT } from './programs/kexport.ts';
import { KSNAP } from './programs/ksnap.ts';

// One file is both programs. A script is called by argv[1]; an executable by argv0, while argv has
// its real path.
const names = [process.argv0, process.argv[1] ?? ''].map((path) => basename(path));
const isKsnap = names.some((name) => /^ksnap(\.\w+)?$/.test(name));
startProgram(isKsnap ? KSNAP : KEXPORT, process.argv.slice(2));
