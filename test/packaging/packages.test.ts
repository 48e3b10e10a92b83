import { expect, test } from 'vitest';
import { makeDeb } from '../../packaging/linux/deb.ts';
import type { Product } from '../../packaging/linux/product.ts';
import { makeRpm } from '../../packaging/linux/rpm.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeWith, run } from '../support/peers.ts';
import { TOP } from '../support/project.ts';

/** Small, unlike the executable. */
const PRODUCT: Product = {
  top: TOP,
  version: '1.2.3-rc.4',
  homepage: 'https://example.org',
  arch: 'arm64',
  executable: '/bin/true',
  licenses: 'of others',
  date: new Date('2026-01-02T03:04:05Z'),
};

/** Makes a package of the product under a umask; returns its path. */
async function made(make: typeof makeDeb, umask: number): Promise<string> {
  const [work, folder] = [temporaryFolder(), temporaryFolder()];
  const before = process.umask(umask);
  try {
    return await make(PRODUCT, { work, folder, level: 0 });
  } finally {
    process.umask(before);
  }
}

describeWith(['dpkg-deb'], 'a package of Debian', () => {
  test('is the same whenever and wherever it is made', async () => {
    run('cmp', await made(makeDeb, 0o022), await made(makeDeb, 0o077));
  });

  test('says what it is, and installs files that belong to root and that all may read', async () => {
    const deb = await made(makeDeb, 0o077);
    expect(deb).toMatch(/\/kexport_1\.2\.3~rc\.4-1_arm64\.deb$/);
    expect(run('dpkg-deb', '-f', deb, 'Version', 'Architecture')).toBe(
      'Version: 1.2.3~rc.4-1\nArchitecture: arm64\n',
    );
    const lines = run('dpkg-deb', '-c', deb).trimEnd().split('\n');
    for (const line of lines)
      expect(line).toMatch(/^(drwxr-xr-x|-rw[-x]r-[-x]r-[-x]|lrwxrwxrwx) root\/root /);
    expect(lines.join('\n')).toMatch(/ \.\/usr\/bin\/ksnap -> kexport$/m);
    expect(lines.join('\n')).toMatch(/ \.\/usr\/share\/man\/man8\/ksnap\.8\.gz$/m);
  });
});

describeWith(['rpmbuild', 'rpm'], 'a package of RPM', () => {
  test('is the same whenever and wherever it is made', async () => {
    run('cmp', await made(makeRpm, 0o022), await made(makeRpm, 0o077));
  });

  test('has the programs and manual pages of that of Debian, and runs no scripts', async () => {
    const [rpm, deb] = [await made(makeRpm, 0o022), await made(makeDeb, 0o022)];
    expect(rpm).toMatch(/\/kexport-1\.2\.3~rc\.4-1\.aarch64\.rpm$/);
    expect(run('rpm', '-qp', '--scripts', '--triggers', rpm)).toBe('');
    const ours = (paths: string[]) =>
      paths.filter((path) => /^usr\/(bin|share\/man)\/.*[^/]$/.test(path));
    const inDeb = run('sh', '-c', 'dpkg-deb --fsys-tarfile "$0" | tar -t', deb).split('\n');
    const inRpm = run('rpm', '-qpl', rpm).split('\n');
    expect(ours(inRpm.map((path) => path.slice(1))).sort()).toEqual(
      ours(inDeb.map((path) => path.slice(2))).sort(),
    );
  });
});
