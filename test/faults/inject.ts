// Lets the n-th call of the operating system fail, below everything that kexport does: it replaces
// functions of Node, so it must be loaded before what imports them.

import programs, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { getSystemErrorMap } from 'node:util';
import { Worker } from 'node:worker_threads';

/** Which call fails, and how. */
export interface Fault {
  /** Counts from 1. */
  readonly at: number;
  /** Such as EIO. Of a program also `died` and `rubbish`, which is what it then prints. */
  readonly code: string;
  /** Counts only calls of these names; undefined: all. */
  readonly only?: readonly string[];
}

type Call = (...args: never[]) => unknown;

const OF_FS = ['open', 'read', 'writev', 'ftruncate', 'fstat'];
const OF_PROMISES = ['open', 'rename', 'link', 'stat', 'lstat', 'statfs', 'readFile', 'rm'];
const OF_HANDLE = ['read', 'write', 'writev', 'sync', 'datasync', 'truncate', 'stat', 'chmod'];

let fault: Fault | undefined;
let count = 0;
let failed: string | undefined;
let tasks = 0;
let deadTask = 0;

/** Arms a fault; undefined: none. */
export function arm(next: Fault | undefined): void {
  fault = next;
  count = 0;
  failed = undefined;
}

/** The call that has failed since `arm`; undefined if there were fewer. */
export function failedCall(): string | undefined {
  return failed;
}

/** The n-th task of a worker from now on ends it; 0: none does. */
export function killWorkerAt(n: number): void {
  tasks = 0;
  deadTask = n;
}

/** How many tasks workers got since `killWorkerAt`. */
export function taskCount(): number {
  return tasks;
}

/** Replaces the functions of Node. `handle` is any open file. */
export function install(handle: FileHandle): void {
  replace(programs, 'spawn', withProgram);
  for (const name of OF_FS) replace(fs, name, withCallback);
  for (const name of OF_PROMISES) replace(promises, name, withPromise);
  for (const name of OF_HANDLE) replace(Object.getPrototypeOf(handle) as object, name, withPromise);
  const post = Object.getOwnPropertyDescriptor(Worker.prototype, 'postMessage')?.value as Call;
  Worker.prototype.postMessage = function (this: Worker, message: unknown) {
    // A task without a value makes the worker throw, which ends it. A text tells it to end.
    const isDead = typeof message === 'object' && ++tasks === deadTask;
    Reflect.apply(post, this, [isDead ? null : message]);
  };
  syncBuiltinESMExports();
}

function replace(target: object, name: string, wrap: (name: string, call: Call) => Call): void {
  const call = (target as Record<string, Call>)[name]!; // each name is one of Node
  const wrapped = wrap(name, call);
  // Such as what `promisify` needs.
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(call));
  (target as Record<string, Call>)[name] = wrapped;
}

function withCallback(name: string, call: Call): Call {
  return function (this: unknown, ...args: unknown[]) {
    const error = errorOf(name);
    const done = args.at(-1);
    if (!error || typeof done !== 'function') return Reflect.apply(call, this, args) as unknown;
    setImmediate(() => void (Reflect.apply(done as Call, undefined, [error]) as unknown));
    return undefined;
  };
}

function withProgram(name: string, call: Call): Call {
  return function (this: unknown, ...args: unknown[]) {
    const error = errorOf(name) as NodeJS.ErrnoException | undefined;
    if (!error) return Reflect.apply(call, this, args) as unknown;
    const options = args[2];
    if (error.code === 'died') return Reflect.apply(call, this, ['false', [], options]) as unknown;
    if (error.code === 'rubbish')
      return Reflect.apply(call, this, ['seq', ['-f', '%.0f7', '99'], options]) as unknown;
    const child = Reflect.apply(call, this, ['true', [], options]) as ChildProcess;
    setImmediate(() => child.emit('error', error));
    return child;
  };
}

function withPromise(name: string, call: Call): Call {
  return function (this: unknown, ...args: unknown[]) {
    const error = errorOf(name);
    return error ? Promise.reject(error) : (Reflect.apply(call, this, args) as unknown);
  };
}

function errorOf(name: string): Error | undefined {
  if (!fault || (fault.only && !fault.only.includes(name))) return undefined;
  if (++count !== fault.at) return undefined;
  failed = name;
  const { code } = fault;
  const [errno] = [...getSystemErrorMap()].find(([, [known]]) => known === code) ?? [-1];
  return Object.assign(new Error(`${code}: ${name}`), { errno, code, syscall: name });
}
