// What every byte of a send stream passes through. The caller puts bytes at INPUT and makes the
// memory large enough.

export { unpackLz4 } from './lz4';
export { sumWords, sumSwappedWords } from './fletcher4';

/** The four sums of Fletcher-4, each of 64 bits. */
export const sums: usize = 1024;
/** Here the memory is the caller's. */
export const input: usize = 4096;
