import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';

/**
 * A folder for PATH with commands that are scripts of sh. They run in it, so that they can keep
 * files there.
 */
export function fakeCommands(scripts: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, script] of Object.entries(scripts)) {
    const text = `#!/bin/sh\ncd "$(dirname "$0")" || exit 99\n${script}\n`;
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

/** PATH with such a folder in front. */
export function pathWith(folder: string): string {
  return `${folder}:${process.env['PATH'] ?? ''}`;
}
