// Reads a range of damaged inputs, in a process that may read the project's files and nothing else.

import type { FormatName } from '../../formats/index.ts';
import { type Fault, fuzz, type FuzzResult } from './fuzz.ts';
import type { Seed } from './target.ts';
import { targetsWith } from './targets.ts';

/** What the process is to do. */
export interface FuzzTask {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly byQemu: ReadonlyMap<FormatName, readonly Seed[]>;
}

/** What it says: where it is, and at the end what came of it. */
export type FuzzReport = { readonly at: number } | FuzzResult;
export type { Fault };

process.once('message', (task: FuzzTask) => void work(task));

async function work({ target: name, byQemu, ...range }: FuzzTask): Promise<void> {
  const target = targetsWith((format) => byQemu.get(format) ?? []).find(
    (each) => each.name === name,
  );
  if (!target) throw new Error(`no target ${name}`);
  const onProgress = (at: number) => process.send?.({ at } satisfies FuzzReport);
  const result = await fuzz(target, { ...range, onProgress });
  process.send?.(result satisfies FuzzReport, () => process.disconnect());
}
