import { KexportError } from '../errors.ts';
import { STATED_END_HEAD, statedEnd } from '../inspect/stated-end.ts';
import { headView } from '../partitions/disk-view.ts';
import type { Source } from '../sources/source.ts';

/**
 * Checks the disk of a pipe: reading it throws a KexportError if it ends before the end that its
 * partition table or file system requires, since the program before the pipe may have failed or a
 * connection broken. The new source owns `source`.
 */
export function wholeDisk(source: Source): Source {
  const head = new Uint8Array(STATED_END_HEAD);
  const read = source.next.bind(source);
  return Object.create(source, {
    next: {
      async value(...[buffer, signal]: Parameters<Source['next']>) {
        const extent = await read(buffer, signal);
        if (!extent) await checkEnd(source, head);
        else if (extent.diskOffset < head.length) {
          const length = Math.min(extent.length, head.length - extent.diskOffset);
          head.set(buffer.subarray(0, length), extent.diskOffset);
        }
        return extent;
      },
    },
  }) as Source;
}

async function checkEnd({ name, size = 0 }: Source, head: Uint8Array): Promise<void> {
  const stated = await statedEnd(headView(head));
  if (!stated || stated.end <= size) return;
  const found = `${name} ended after ${size} bytes, but ${stated.what} needs ${stated.end}`;
  throw new KexportError('source', `${found}: the disk is cut off`, {
    hint: 'check whether the program before the pipe has failed; --allow-truncated takes what came',
  });
}
