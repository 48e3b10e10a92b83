import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { changesOf } from '../../packaging/changes-of.ts';
import { built, bundled, SBOM } from '../support/built.ts';
import { TOP } from '../support/project.ts';

interface Named {
  readonly name: string;
  readonly version: string;
}

const { version } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as Named;

describe('a release', () => {
  test.each(['', '0.0.1', `${version}.1`])(
    'of a version that this is not is refused: "%s"',
    (other) => {
      const words = [built('packaging/release.ts'), other];
      const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      expect(stderr).toBe(`release: package.json has version ${version}, not "${other}"\n`);
      expect(status).toBe(1);
    },
  );

  test('has what the changelog says of its version', () => {
    const changelog =
      '# C\n\n## [Unreleased]\n\n- c\n\n## [1.1.0] - 2026-02-01\n\n### Added\n\n- b\n\n## [1.0.0] - 2026-01-01\n\n- a\n';
    expect(changesOf(changelog, '1.1.0')).toBe('### Added\n\n- b');
    expect(changesOf(changelog, '1.0.0')).toBe('- a');
    expect(changesOf(changelog, '1.1')).toBeUndefined();
    expect(changesOf(changelog, 'Unreleased')).toBeUndefined();
  });
});

test('the SBOM has every package whose license goes with the bundles, and the builds of Node', () => {
  const licenses = readFileSync(bundled('LICENSES.txt'), 'utf8');
  const inside = [...licenses.matchAll(/^(\S+) (\d\S*) \(.*\)$/gm)].map(([, ...words]) =>
    words.join(' '),
  );
  const { metadata, components } = JSON.parse(readFileSync(SBOM, 'utf8')) as {
    metadata: { component: Named };
    components: (Named & { type: string })[];
  };
  expect(metadata.component).toMatchObject({ name: 'kexport', version });
  const named = (type: string) =>
    components.filter((one) => one.type === type).map((one) => `${one.name} ${one.version}`);
  expect(inside.length).toBeGreaterThan(2);
  expect(named('library')).toEqual(inside);
  expect(named('platform').length).toBe(2);
});
