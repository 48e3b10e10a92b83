// A package of RPM, by rpmbuild.

import { execFileSync } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../node-builds.ts';
import { commonFiles } from './files.ts';
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

const ARCHITECTURES: Readonly<Record<Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Makes the package and returns its path. */
export async function makeRpm(product: Product, options: PackageOptions): Promise<string> {
  const { work, folder, level } = options;
  const arch = ARCHITECTURES[product.arch];
  const root = join(work, 'root');
  const files = await filesOf(product);
  await stage(root, files, product.date);
  const spec = join(work, 'kexport.spec');
  await writeFile(spec, specOf(product, files, level));
  const words = ['-bb', '--quiet', '--target', arch, '--buildroot', join(work, 'build')];
  const places = [
    `_topdir ${work}`,
    `_rpmdir ${work}`,
    '_rpmfilename kexport.rpm',
    `stage ${root}`,
  ];
  const defines = places.flatMap((place) => ['--define', place]);
  const env = { ...epochOf(product), HOME: work }; // where settings of the user would be
  execFileSync('rpmbuild', [...words, ...defines, spec], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const path = join(folder, `kexport-${packageVersion(product)}-${REVISION}.${arch}.rpm`);
  await copyFile(join(work, 'kexport.rpm'), path);
  return path;
}

async function filesOf(product: Product): Promise<PackageFile[]> {
  const { top, licenses } = product;
  const license = await readFile(join(top, 'LICENSE'), 'utf8');
  return [
    ...(await commonFiles(product, 'site-functions')),
    { path: 'usr/share/licenses/kexport/LICENSE', text: `${license}\n${licenses}` },
    { path: 'usr/share/doc/kexport/CHANGELOG.md', text: await readFile(join(top, 'CHANGELOG.md')) },
  ];
}

/** Nothing is compiled or stripped: the executable would lose what is inside. */
function specOf(product: Product, files: readonly PackageFile[], level: number): string {
  return `\
%global _binary_payload w${level}.xzdio
%global _buildhost reproducible
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none

Name: kexport
Version: ${packageVersion(product)}
Release: ${REVISION}
Summary: ${SUMMARY.replace(/^./, (letter) => letter.toUpperCase())}
License: MIT
URL: ${product.homepage}
Packager: ${MAINTAINER}

%description
${DESCRIPTION.join('\n')}

%install
cp -a %{stage}/. %{buildroot}

%files
%dir /usr/share/doc/kexport
%dir /usr/share/licenses/kexport
${files.map(lineOf).join('\n')}
`;
}

function lineOf({ path }: PackageFile): string {
  const kind = /\/(doc|licenses)\//.exec(path)?.[1];
  const mark = kind === undefined ? '' : kind === 'doc' ? '%doc ' : '%license ';
  return `%attr(-, root, root) ${mark}/${path}`;
}
