import { Warning } from '../errors.ts';
import { shellWord } from '../host/shell-word.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';
import { writableMounts } from './mounted-device.ts';
import type { SourceOptions } from './source-options.ts';

/**
 * The source of a device, open as `fd`, with the file systems that are mounted of it frozen from
 * the first call of `next` until it is closed. Warns of those that are, and of those that cannot
 * be.
 */
export function frozenSource(
  source: Source,
  fd: number,
  { imagePaths = [], onWarning }: SourceOptions,
): Source {
  const { name } = source;
  let thaw: (() => Promise<readonly string[]>) | undefined;

  return withSource(source, {
    async next(buffer, signal) {
      if (!thaw) await freezeAll();
      return source.next(buffer, signal);
    },
    async close() {
      try {
        await source.close();
      } finally {
        for (const mountPoint of (await thaw?.()) ?? []) {
          const what = `${mountPoint} is still frozen; to thaw it: fsfreeze -u ${shellWord(mountPoint)}`;
          onWarning?.(new Warning('left-behind', what));
        }
      }
    },
  });

  async function freezeAll(): Promise<void> {
    const { freeze } = await import('../host/freeze.ts'); // rare
    const held = await freeze(await writableMounts(fd), imagePaths);
    ({ thaw } = held);
    for (const { mountPoint } of held.frozen) {
      const what = `${mountPoint} is frozen until ${name} is read: what writes there waits so long`;
      onWarning?.(new Warning('frozen', what));
    }
    for (const { mount, why } of held.others) {
      const what = `${name} is mounted read-write at ${mount.mountPoint}, which is not frozen: ${why}`;
      const effect = 'what is written there during the export is in the image in part';
      onWarning?.(new Warning('inconsistent', `${what}; ${effect}`));
    }
  }
}
