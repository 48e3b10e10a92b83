import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';
import { fixturePath } from './project.ts';

interface Recorded {
  /** The command line, quoted for a shell. */
  readonly command: string;
  /** Undefined for a command that never ended. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a real zfs or zpool of that version of OpenZFS did, recorded by fixtures/zfs/record.sh. */
export function recorded(name: string, version = '2.1.11'): Recorded {
  const text = readFileSync(fixturePath('zfs', version, `${name}.txt`), 'utf8');
  const match = /^\$ (.*)\nstatus: (.*)\n--- stdout\n([^]*?)--- stderr\n([^]*)$/.exec(text);
  if (!match) throw new Error(`${name}.txt is not a recorded command`);
  const [, command = '', status = '', stdout = '', stderr = ''] = match;
  return { command, status: /^\d+$/.test(status) ? Number(status) : undefined, stdout, stderr };
}

/** The lines that `zpool status -PL` printed of a pool of that shape. */
export function recordedStatus(name: string): string[] {
  return readFileSync(fixturePath('zfs', 'pools', `${name}.txt`), 'utf8').split('\n');
}

/** The lines of a text, without empty ones. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/**
 * A folder for PATH whose zfs and zpool answer a command line as the real ones did when it was
 * recorded, and fail with status 99 on any other.
 */
export function replayFolder(version = '2.1.11'): string {
  const folder = temporaryFolder();
  for (const program of ['zfs', 'zpool']) {
    writeFileSync(join(folder, program), REPLAY, { mode: 0o755 });
  }
  symlinkSync(fixturePath('zfs', version), join(folder, 'recorded'));
  return folder;
}

/** PATH with such a folder in front. */
export function replayPath(version?: string): string {
  return `${replayFolder(version)}:${process.env['PATH'] ?? ''}`;
}

const REPLAY = `#!/bin/bash
folder=$(dirname "$0")
program=$(basename "$0")
line=$(echo "$program \${*@Q}" | sed "s/'\\([A-Za-z0-9@%+=:,.\\/_-]*\\)'/\\1/g")
file=$(grep -lxF -- "\\$ $line" "$folder"/recorded/*.txt | head -n 1)
if [ -z "$file" ]; then echo "not recorded: $line" >&2; exit 99; fi
sed '1,/^--- stdout$/d; /^--- stderr$/,$d' "$file"
sed '1,/^--- stderr$/d' "$file" >&2
exit "$(sed -n 's/^status: //p' "$file")"
`;
