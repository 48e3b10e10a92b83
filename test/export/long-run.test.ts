import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { BOOT_DISK, TOP } from '../support/project.ts';
import { temporaryFolder } from '../support/folder.ts';

// KEXPORT_EXPORTS: for a longer run.
const EXPORTS = Number(process.env['KEXPORT_EXPORTS'] ?? 18);

const MIB = 2 ** 20;
const GROWTH = 64 * MIB; // exports that keep their slabs would take more

// Makes one image of the disk after the other. What the first of them load stays, and the memory of
// the garbage collector grows for some dozens.
const PROGRAM = `
import { readdirSync, rmSync } from 'node:fs';
import { encode, fileSink, FORMATS, openSource } from 'kexport';
const [disk, folder, count] = process.argv.slice(1);
const names = ['qcow2', 'raw', 'vmdk'];
const state = () => (gc(), {
  descriptors: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
  memory: process.memoryUsage.rss(),
});
let before;
for (let i = 0; i < Number(count); i++) {
  const format = FORMATS[names[i % names.length]]();
  const path = folder + '/image';
  const source = await openSource(disk);
  await encode(source, [{ format, sink: await fileSink(path) }], { threads: 2, verify: i % 2 === 0 });
  rmSync(path);
  if (i === Math.max(5, Math.floor(count / 5))) before = state();
}
console.log(JSON.stringify({ before, after: state(), left: readdirSync(folder) }));
`;

interface State {
  readonly descriptors: number;
  readonly threads: number;
  readonly memory: number;
}

test(
  'many exports in one process leave no descriptor, thread, file or memory',
  () => {
    const args = [
      '--expose-gc',
      '--input-type=module',
      '--eval',
      PROGRAM,
      BOOT_DISK,
      temporaryFolder(),
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [...args, String(EXPORTS)], {
      cwd: TOP,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const { before, after, left } = JSON.parse(stdout) as {
      before: State;
      after: State;
      left: string[];
    };
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.threads).toBe(before.threads);
    expect(after.memory).toBeLessThan(before.memory + GROWTH);
    expect(left).toEqual([]);
  },
  Math.max(120_000, EXPORTS * 2000),
);
