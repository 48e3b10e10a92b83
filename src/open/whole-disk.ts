import { KexportError, option, wording } from '../errors.ts';
import { cutOff } from '../inspect/cut-off.ts';
import { STATED_END_HEAD } from '../inspect/stated-end.ts';
import { headView } from '../partitions/disk-view.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';

/**
 * Checks the disk of a pipe: reading it throws a KexportError if it ends before the end that its
 * partition table or file system requires, since the program before the pipe may have failed or a
 * connection broken. The new source owns `source`.
 */
export function wholeDisk(source: Source): Source {
  const head = new Uint8Array(STATED_END_HEAD);
  return withSource(source, {
    read: undefined,
    async next(buffer, signal) {
      const extent = await source.next(buffer, signal);
      if (!extent) await checkEnd(source, head);
      else if (extent.diskOffset < head.length) {
        const length = Math.min(extent.length, head.length - extent.diskOffset);
        head.set(buffer.subarray(0, length), extent.diskOffset);
      }
      return extent;
    },
  });
}

async function checkEnd({ name, size = 0 }: Source, head: Uint8Array): Promise<void> {
  const problem = await cutOff(headView(head), size);
  if (problem === undefined) return;
  throw new KexportError('damaged', `${name}: ${problem}`, {
    hint: wording`check whether the program before the pipe has failed; ${option('allowTruncated', true)} takes what came`,
  });
}
