import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SCRIPTS } from '../../src/cli/completion/scripts.ts';
import type { Product } from './product.ts';
import type { PackageFile } from './stage.ts';

/** The files of every package: programs, manual pages, completion. zsh's folder is given. */
export async function commonFiles(
  { top, executable }: Product,
  zshFolder: string,
): Promise<PackageFile[]> {
  return [
    { path: 'usr/bin/kexport', program: executable },
    { path: 'usr/bin/ksnap', linkTo: 'kexport' },
    ...(await manualPages(join(top, 'dist', 'man'))),
    ...completion('usr/share/bash-completion/completions', '', SCRIPTS.bash),
    ...completion('usr/share/fish/vendor_completions.d', '.fish', SCRIPTS.fish),
    { path: `usr/share/zsh/${zshFolder}/_kexport`, text: SCRIPTS.zsh },
  ];
}

/** As `gzip -9n`: without a name and a time. */
export function compressed(text: string | Uint8Array): Uint8Array {
  return gzipSync(text, { level: 9 });
}

/** bash and fish look for the script of a command under its name. */
function completion(folder: string, ending: string, text: string): PackageFile[] {
  return [
    { path: `${folder}/kexport${ending}`, text },
    { path: `${folder}/ksnap${ending}`, linkTo: `kexport${ending}` },
  ];
}

async function manualPages(folder: string): Promise<PackageFile[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => ({
      path: `usr/share/man/man${name.slice(-1)}/${name}.gz`,
      text: compressed(await readFile(join(folder, name))),
    })),
  );
}
