// A reader must read a damaged input or refuse it with an error for people, soon and in little
// memory, and open no other file. Each input is made by the seed of the run and its number alone.

import { setImmediate } from 'node:timers/promises';
import { FormatError } from '../../formats/index.ts';
import { DecompressError } from '../../src/decompress/decompressor.ts';
import { KexportError } from '../../src/errors.ts';
import { mutate } from './mutations.ts';
import { randomOf } from './random.ts';
import { type Scratch, scratchOf } from './scratch.ts';
import type { Seed, Target } from './target.ts';

// Processor time, since on a busy machine elapsed time means nothing.
const MAX_SECONDS = 5;
const MAX_MEMORY = 512 * 2 ** 20;
const MAX_MESSAGE = 2000;

/** What came of a run. */
export interface FuzzResult {
  /** How many inputs were read without an error. */
  readonly readable: number;
  /** At most MAX_FAULTS. */
  readonly faults: readonly Fault[];
}

/** An input with which a reader broke its promise. */
export interface Fault {
  readonly number: number;
  readonly message: string;
  readonly input: Buffer;
}

/** The inputs of a run to read. */
export interface FuzzOptions {
  readonly seed: number;
  /** The number of the first. Default 0. */
  readonly first?: number;
  readonly count: number;
  /** Called now and then with the number of the next input. */
  readonly onProgress?: (number: number) => void;
}

/** After so many a run ends. */
const MAX_FAULTS = 10;
const INPUTS_A_TURN = 250;

/** Reads damaged inputs of a target. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, first = 0, count, onProgress } = options;
  const seeds = (await target.seeds()).map((each) => ({ ...each, image: scratchOf(each.bytes) }));
  const faults: Fault[] = [];
  let readable = 0;
  for (let number = first; number < first + count && faults.length < MAX_FAULTS; number++) {
    const chosen = seeds[number % seeds.length];
    if (!chosen) throw new Error(`${target.name} has no inputs`);
    const { image } = chosen;
    const random = randomOf(seed, number);
    mutate(image, target.changes, random);
    if (random.below(16) > 0) target.seal?.(image);
    try {
      if (await survives(target, chosen)) readable++;
    } catch (error) {
      const which = `${target.name}, seed ${seed}, input ${number} (${chosen.name})`;
      const message = `${which}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`;
      faults.push({ number, message, input: Buffer.from(image.bytes) });
    }
    image.restore();
    if (number % INPUTS_A_TURN === 0) {
      await setImmediate();
      onProgress?.(number + 1);
    }
  }
  return { readable, faults };
}

interface Chosen extends Seed {
  readonly image: Scratch;
}

/** Whether an input could be read. Throws if the reader breaks its promise. */
async function survives({ read }: Target, chosen: Chosen): Promise<boolean> {
  const started = process.cpuUsage();
  let readable = true;
  try {
    await read(chosen.image.bytes, chosen);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (error.message.length > MAX_MESSAGE) throw new Error('a long message', { cause: error });
    readable = false;
  }
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  if (seconds > MAX_SECONDS) throw new Error(`it took ${seconds} seconds of the processor`);
  const memory = process.memoryUsage.rss();
  if (memory > MAX_MEMORY) throw new Error(`the process has ${memory} bytes of memory`);
  return readable;
}

function isRefusal(error: unknown): error is Error {
  return [FormatError, DecompressError, KexportError].some((kind) => error instanceof kind);
}
