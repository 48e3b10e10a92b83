import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { FORMATS } from '../../formats/index.ts';
import { parseOptions, splitWords } from '../../src/cli/command-line/parse-words.ts';
import { longForm } from '../../src/cli/options/options.ts';
import { KEXPORT } from '../../src/cli/programs/kexport.ts';
import { MANUAL } from '../support/built.ts';
import { describeWith, run } from '../support/peers.ts';
import { TOP } from '../support/project.ts';

const PAGES = readdirSync(MANUAL);

/** Pages of OpenZFS, QEMU and util-linux. */
const PAGES_OF_OTHERS = [
  'lsblk.8',
  'qemu-img.1',
  'zfs-destroy.8',
  'zfs-send.8',
  'zfs-snapshot.8',
  'zfs.8',
  'zpool-checkpoint.8',
];

function sourceOf(page: string): string {
  return readFileSync(join(MANUAL, page), 'utf8');
}

/** A page as text. */
function shownOf(page: string): string {
  return run('mandoc', '-T', 'ascii', join(MANUAL, page)).replace(/.[\b]/g, ''); // without overstrikes
}

test('there is a page for each program and each command of kexport, and npm installs them', () => {
  const commands = KEXPORT.commands.map(({ name }) => `kexport-${name}.1`);
  expect(PAGES.sort()).toEqual(['kexport.1', 'ksnap.8', ...commands].sort());
  const { man } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as { man: string[] };
  expect(man.map((path) => basename(path)).sort()).toEqual(PAGES.sort());
});

describeWith(['mandoc'], 'a page', () => {
  test.each(PAGES)('has no fault: %s', (page) => {
    // mandoc misses pages that are not installed where it runs.
    const line = 'mandoc -T lint "$0" 2>&1 | grep -v ": referenced manual not found: " || true';
    const faults = run('sh', '-c', line, join(MANUAL, page)).split('\n');
    expect(faults.filter((fault) => fault.includes(page))).toEqual([]);
  });

  test.each(PAGES)('has its sections, and refers to pages that exist: %s', (page) => {
    const source = sourceOf(page);
    for (const title of ['NAME', 'SYNOPSIS', 'EXIT STATUS', 'EXAMPLES', 'SEE ALSO'])
      expect(source).toContain(`\n.Sh ${title}\n`);
    const references = [...source.matchAll(/Xr (\S+) (\d)/g)].map((words) =>
      words.slice(1).join('.'),
    );
    for (const reference of references) expect([...PAGES, ...PAGES_OF_OTHERS]).toContain(reference);
  });

  const commands = [
    ['kexport.1', KEXPORT.main] as const,
    ...KEXPORT.commands.map((command) => [`kexport-${command.name}.1`, command] as const),
  ];
  test.each(commands)('shows every operand and option: %s', (page, { operands, options }) => {
    const shown = shownOf(page);
    for (const { name } of operands) expect(shown).toContain(name);
    for (const name of options.flatMap((group) => group.options))
      expect(shown).toMatch(new RegExp(`^ +(-\\w, )?${longForm(name)}( |$)`, 'm'));
  });

  test.each(PAGES)('shows commands that kexport accepts: %s', (page) => {
    const shown = shownOf(page);
    const [, examples = ''] = /\nEXAMPLES\n([^]*)\nSEE ALSO\n/.exec(shown) ?? [];
    const lines = examples.replace(/\\\n\s*/g, '').split('\n');
    const calls = lines.flatMap((line) => /^\s+(?:.* )?kexport ([^|<>#&)]*)/.exec(line)?.[1] ?? []);
    if (page !== 'ksnap.8') expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) {
      const { operands, given } = splitWords(call.trim().split(/\s+/));
      parseOptions(given);
      const [first = 'all'] = operands;
      const names = [...Object.keys(FORMATS), 'all', ...KEXPORT.commands.map(({ name }) => name)];
      for (const name of first.split(',')) expect(names).toContain(name);
    }
  });
});
