import { basename } from 'node:path';
import { KexportError } from '../../errors.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { complete, SHELLS } from '../completion/complete.ts';
import { SCRIPTS } from '../completion/scripts.ts';
import { KSNAP } from '../programs/ksnap.ts';

/**
 * Prints the script of a shell; or, which the scripts ask for by `words`, what can stand at the end
 * of a command line.
 */
export const run: Run = async ([what, program = '', ...words], _, kexport) => {
  const shell = SHELLS.find((name) => name === what);
  if (shell) {
    await print(SCRIPTS[shell]);
    return 0;
  }
  if (what !== 'words') {
    throw new KexportError('usage', `there is no completion for "${what ?? ''}"`, {
      hint: `give one of ${SHELLS.join(', ')}`,
    });
  }
  const isKsnap = basename(program) === 'ksnap';
  const { paths, candidates } = await complete(isKsnap ? KSNAP : kexport, words);
  const lines = candidates.map(({ word, summary }) => `${word}\t${summary}\n`);
  await print([`${paths}\n`, ...lines].join(''));
  return 0;
};
