// The worker of `compress` with a compressor that does nothing, for ceiling.ts.

import type { Compressor } from '../src/compress/compressor.ts';
import { compressSlabs, type WorkerSetup } from '../src/compress/compress-slabs.ts';
import { serveTasks } from '../src/workers/serve-tasks.ts';

/** Leaves as much as the compressor at level 6 does of a system's files. */
const NULL_COMPRESSOR: Compressor = { compress: ({ length }) => Math.round(0.4 * length) };

const openNull = () => Promise.resolve(NULL_COMPRESSOR);

void serveTasks((setup: WorkerSetup) => compressSlabs(setup, openNull));
