// Module of the worker threads that fill slabs of shared memory with extents of a disk.

import { serveTasks } from '../workers/serve-tasks.ts';
import { fillSlabs } from './fill-slabs.ts';

void serveTasks(fillSlabs);
