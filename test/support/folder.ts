import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A folder that is removed after the test. */
export function temporaryFolder(parent = tmpdir()): string {
  const path = makeFolder(parent);
  onTestFinished(() => removeFolder(path));
  return path;
}

/** The same, with files of that content in it. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

/** A folder that is removed after the tests of this file, or of the describe that makes it. */
export function sharedFolder(parent = tmpdir()): string {
  const path = makeFolder(parent);
  afterAll(() => removeFolder(path));
  return path;
}

function makeFolder(parent: string): string {
  return mkdtempSync(join(parent, 'kexport-test-'));
}

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
