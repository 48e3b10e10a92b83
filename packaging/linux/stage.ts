import { chmod, copyFile, lutimes, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A file of a package, by its path without the first slash. */
export type PackageFile =
  | { readonly path: string; readonly text: string | Uint8Array }
  | { readonly path: string; readonly program: string } // a copy of that file
  | { readonly path: string; readonly linkTo: string };

/** Puts the files of a package into a folder, as they will be installed, with one time for all. */
export async function stage(
  folder: string,
  files: readonly PackageFile[],
  date: Date,
): Promise<void> {
  for (const file of files) await put(folder, file);
  const paths = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of paths) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    await lutimes(path, date, date);
  }
  await chmod(folder, 0o755);
  await lutimes(folder, date, date);
}

async function put(folder: string, file: PackageFile): Promise<void> {
  const path = join(folder, file.path);
  await mkdir(dirname(path), { recursive: true });
  if ('linkTo' in file) {
    await symlink(file.linkTo, path);
    return;
  }
  if ('program' in file) await copyFile(file.program, path);
  else await writeFile(path, file.text);
  await chmod(path, 'program' in file ? 0o755 : 0o644);
}
