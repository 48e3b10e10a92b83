import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundled } from '../support/built.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, PYTHON } from '../support/peers.ts';
import { linesOf, replayPath } from '../support/recorded.ts';

/** What may stand at the end of a command line, which may be an empty word. */
function wordsAfter(...words: string[]) {
  const { stdout } = kexport(['completion', 'words', '--', ...words], {
    env: { PATH: replayPath() },
  });
  const [paths, ...lines] = linesOf(stdout);
  return { paths, words: lines.map((line) => line.split('\t')[0]) };
}

describe('a word is completed by', () => {
  test.each([
    ['the commands', ['kexport', 'ver'], 'none', ['verify']],
    ['the formats', ['kexport', 'qc'], 'none', ['qcow2']],
    ['the formats that a list lacks', ['kexport', 'vhd,vm'], 'none', ['vhd,vmdk', 'vhd,vma']],
    [
      'the options of its command',
      ['kexport', 'clean', '--'],
      'none',
      ['--dry-run', '--help', '--version'],
    ],
    [
      'the choices of the option before',
      ['kexport', 'ova', '--firmware', ''],
      'none',
      ['efi', 'bios'],
    ],
    ['the choices of its option', ['kexport', 'ova', '--firmware=b'], 'none', ['--firmware=bios']],
    ['files after --output', ['kexport', 'ova', '-o', ''], 'files', []],
    ['folders after --output-dir', ['kexport', 'ova', '--output-dir', ''], 'folders', []],
    ['nothing after --name', ['kexport', 'ova', '--name', ''], 'none', []],
    ['files for an image', ['kexport', 'verify', '-q', 'a', 'b'], 'files', []],
    [
      'volumes',
      ['kexport', 'qcow2', '--threads', '2', 'tank/vm/disk-0'],
      'files',
      expect.arrayContaining(['tank/vm/disk-0']) as unknown,
    ],
    ['the commands of ksnap', ['ksnap', 'l'], 'folders', ['list']],
    [
      'the commands that have help',
      ['kexport', 'help', 'c'],
      'none',
      ['convert', 'clean', 'completion'],
    ],
  ])('%s', (_, line, paths, words) => {
    expect(wordsAfter(...line)).toEqual({ paths, words });
  });

  test('snapshots after @', () => {
    const { words } = wordsAfter('kexport', 'qcow2', 'tank/vm/disk-0@');
    expect(words.length).toBeGreaterThan(0);
    for (const word of words) expect(word).toMatch(/^tank\/vm\/disk-0@./);
  });
});

test('completion for a shell that has none is refused', () => {
  const { status, stderr } = kexport(['completion', 'tcsh']);
  expect(status).toBe(2);
  expect(stderr).toBe('kexport: there is no completion for "tcsh" (give one of bash, zsh, fish)\n');
});

// Types a line and a tab into a shell on a pseudo-terminal, until it shows what is expected. Prints
// what it has shown.
const TYPE = `
import os, pty, re, select, sys, time
line, expected, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown = ''
def onScreen(text):
    text = re.sub(r'\\x1b(\\[[0-9;?<>=]*[A-Za-z]|\\].*?(\\x07|\\x1b.)|[()].|[=>])', '', text)
    text = re.sub('[\\x00\\x07]', '', text) # padding, and the bell
    while '\\b' in text.lstrip('\\b'):
        text = re.sub('[^\\b]\\b', '', text, count=1)
    return text
def wait(text):
    global shown
    end = time.monotonic() + 20
    while text not in shown and time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]: continue
        piece = os.read(terminal, 65536)
        if b'\\x1b[c' in piece or b'\\x1b[0c' in piece:
            os.write(terminal, b'\\x1b[?1;2c') # fish asks what terminal it has
        shown = onScreen(shown + piece.decode(errors='replace'))
wait('READY ')
shown = ''
os.write(terminal, line.encode() + b'\\t')
wait(expected)
print(shown)
os.kill(child, 9)
`;

/** How each shell is started so that it has read the script, and nothing of the user's. */
const SHELLS: Readonly<Record<string, { command: readonly string[]; rc: string }>> = {
  bash: {
    command: ['bash', '--noprofile', '--rcfile', 'rc', '-i'],
    rc: 'source <(kexport completion bash)\nPS1="READY "\n',
  },
  zsh: {
    command: ['zsh', '-d', '-i'],
    rc: 'autoload -U compinit; compinit -u -D\nsource <(kexport completion zsh)\nPS1="READY "\n',
  },
  fish: {
    command: ['fish', '--no-config', '-i', '--init-command', 'source rc'],
    rc: 'kexport completion fish | source\nfunction fish_prompt; echo -n "READY "; end\n',
  },
};

for (const [shell, { command, rc }] of Object.entries(SHELLS)) {
  describeWith([shell, PYTHON], `a tab in ${shell}`, () => {
    test.each([
      ['kexport qcow2,vmd', 'kexport qcow2,vmdk'],
      ['kexport raw --from ov', 'kexport raw --from ova'],
      ['kexport raw --compressor=w', 'kexport raw --compressor=wasm'],
      ['kexport verify some-f', 'kexport verify some-file.img'],
      ['kexport raw tank/vm/disk-0@ren', 'kexport raw tank/vm/disk-0@renamed'],
      ['ksnap destr', 'ksnap destroy'],
    ])('makes of %s %s', (line, expected) => {
      const folder = folderWith({ rc, '.zshrc': rc, 'some-file.img': '' });
      for (const name of ['kexport', 'ksnap']) {
        const script = `#!/bin/sh\nexec "${process.execPath}" "${bundled(`${name}.cjs`)}" "$@"\n`;
        writeFileSync(join(folder, name), script, { mode: 0o755 });
      }
      const shown = execFileSync(PYTHON, ['-c', TYPE, line, expected, ...command], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: `${folder}:${replayPath()}`, HOME: folder, TERM: 'vt100' },
      });
      expect(shown).toContain(expected);
    });
  });
}
