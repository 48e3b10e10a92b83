// Module of the worker threads that hash whole images.

import { serveTasks } from '../workers/serve-tasks.ts';
import { hashPieces } from './hash-pieces.ts';

void serveTasks(hashPieces);
