import type { Metafile } from 'esbuild';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package that is inside a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  readonly licenseText: string;
}

/** The licenses of packages, which ask that they go with their code. */
export function licensesOf(packages: readonly BundledPackage[]): string {
  const parts = packages.map(
    ({ name, version, license, licenseText }) =>
      `${name} ${version} (${license})\n\n${licenseText}`,
  );
  return ['kexport has parts of these packages inside.\n', ...parts].join(
    `\n${'-'.repeat(72)}\n\n`,
  );
}

/** The packages inside some bundles, by name. Throws for one without a text of its license. */
export async function bundledPackages(
  top: string,
  bundles: readonly Metafile[],
): Promise<BundledPackage[]> {
  const inputs = bundles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap((output) =>
      Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) =>
        bytesInOutput > 0 ? [path] : [],
      ),
    ),
  );
  const folders = inputs.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  return Promise.all([...new Set(folders)].sort().map((folder) => packageIn(join(top, folder))));
}

async function packageIn(folder: string): Promise<BundledPackage> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  const { name, version, license } = JSON.parse(text) as Record<string, string>;
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!name || !version || !license || !file) throw new Error(`${folder} has no license`);
  const licenseText = await readFile(join(folder, file), 'utf8');
  return { name, version, license, licenseText };
}
