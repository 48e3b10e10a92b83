// Module of the worker threads that compress blocks in place, in shared memory.

import { serveTasks } from '../workers/serve-tasks.ts';
import { compressSlabs } from './compress-slabs.ts';

void serveTasks(compressSlabs);
