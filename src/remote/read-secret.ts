import { readFile } from 'node:fs/promises';
import { KexportError, reasonOf } from '../errors.ts';

/** The text of a file that a variable of the environment names. Throws a KexportError. */
export async function readSecret(path: string, variable: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    const what = `cannot read ${path}, which ${variable} names: ${reasonOf(cause)}`;
    throw new KexportError('usage', what, { cause });
  }
}
