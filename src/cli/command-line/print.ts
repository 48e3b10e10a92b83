import { KexportError, reasonOf } from '../../errors.ts';

/** Writes an answer to stdout. Throws a KexportError if it cannot be written. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (cause) => {
      if (!cause) {
        resolve();
        return;
      }
      const what = `cannot write to standard output: ${reasonOf(cause)}`;
      reject(new KexportError('target', what, { cause }));
    });
  });
}
