// A Debian package, by dpkg-deb.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../node-builds.ts';
import { commonFiles, compressed } from './files.ts';
import {
  DESCRIPTION,
  epochOf,
  MAINTAINER,
  type PackageOptions,
  packageVersion,
  type Product,
  REVISION,
  SUMMARY,
} from './product.ts';
import { type PackageFile, stage } from './stage.ts';

const ARCHITECTURES: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

const LINTIAN_OVERRIDES = `\
# A build of Node with its libraries inside; stripped, it would lose the program.
kexport: embedded-library *
kexport: unstripped-binary-or-object *
# Its licenses are those that Node brings, as they stand there.
kexport: copyright-file-contains-full-apache-2-license
kexport: copyright-not-using-common-license-for-gpl
`;

/** Makes the package and returns its path. */
export async function makeDeb(product: Product, options: PackageOptions): Promise<string> {
  const { work, folder, level } = options;
  const root = join(work, 'root');
  const files = await filesOf(product);
  await stage(root, files, product.date);
  await stage(join(root, 'DEBIAN'), await controlFiles(product, root, files), product.date);
  const path = join(folder, `kexport_${versionOf(product)}_${ARCHITECTURES[product.arch]}.deb`);
  const words = ['--root-owner-group', '-Zxz', `-z${level}`, '--build', root, path];
  execFileSync('dpkg-deb', words, {
    env: epochOf(product),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return path;
}

async function filesOf(product: Product): Promise<PackageFile[]> {
  const folder = 'usr/share/doc/kexport';
  const news = await readFile(join(product.top, 'CHANGELOG.md'));
  return [
    ...(await commonFiles(product, 'vendor-completions')),
    { path: `${folder}/changelog.gz`, text: compressed(news) },
    { path: `${folder}/changelog.Debian.gz`, text: compressed(changelog(product)) },
    { path: `${folder}/copyright`, text: await copyright(product) },
    { path: 'usr/share/lintian/overrides/kexport', text: LINTIAN_OVERRIDES },
  ];
}

function versionOf(product: Product): string {
  return `${packageVersion(product)}-${REVISION}`;
}

async function controlFiles(
  product: Product,
  root: string,
  files: readonly PackageFile[],
): Promise<PackageFile[]> {
  return [
    { path: 'control', text: control(product, await kibibytesOf(root, files)) },
    { path: 'md5sums', text: await md5sums(root, files) },
  ];
}

function control(product: Product, kibibytes: number): string {
  return `\
Package: kexport
Version: ${versionOf(product)}
Architecture: ${ARCHITECTURES[product.arch]}
Maintainer: ${MAINTAINER}
Installed-Size: ${kibibytes}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 5.2)
Suggests: zfsutils-linux
Section: admin
Priority: optional
Homepage: ${product.homepage}
Description: ${SUMMARY}
${DESCRIPTION.map((line) => ` ${line}\n`).join('')}`;
}

/** As dpkg-gencontrol counts: each file in whole KiB, and one for what is not a file. */
async function kibibytesOf(root: string, files: readonly PackageFile[]): Promise<number> {
  const sizes = files.map(async (file) =>
    'linkTo' in file ? 1 : Math.ceil((await stat(join(root, file.path))).size / 1024),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function md5sums(root: string, files: readonly PackageFile[]): Promise<string> {
  const lines = files.map(async (file) => {
    if ('linkTo' in file) return '';
    const hash = createHash('md5').update(await readFile(join(root, file.path)));
    return `${hash.digest('hex')}  ${file.path}\n`;
  });
  return (await Promise.all(lines)).join('');
}

function changelog(product: Product): string {
  const date = product.date.toUTCString().replace('GMT', '+0000');
  return `\
kexport (${versionOf(product)}) unstable; urgency=medium

  * Version ${product.version}, whose changes are in changelog.gz.

 -- ${MAINTAINER}  ${date}
`;
}

async function copyright({ top, homepage, licenses }: Product): Promise<string> {
  const license = await readFile(join(top, 'LICENSE'), 'utf8');
  return `kexport, from ${homepage}\n\n${license}\n${licenses}`;
}
