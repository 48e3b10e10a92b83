import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const path = makeFolder();
  onTestFinished(() => removeFolder(path));
  return path;
}

/** A folder that is gone after the tests of this file, or of the describe that asks for it. */
export function sharedFolder(): string {
  const path = makeFolder();
  afterAll(() => removeFolder(path));
  return path;
}

function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'kexport-test-'));
}

function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
