// A source of one's own: a disk of 1 TiB of which a program has a few blocks, in two formats at once.
//
//   node own-source.js

import { BLOCK_SIZE, encode, fileSink, qcow2, type Source, vmdk } from 'kexport';

/** The disk of these blocks, by their index on it; all else is zeros. */
function blockSource(size: number, blocks: ReadonlyMap<number, Uint8Array>): Source {
  const waiting = [...blocks].sort(([one], [other]) => one - other); // extents ascend
  return {
    name: 'blocks',
    size,
    next(buffer) {
      const found = waiting.shift();
      if (!found) return Promise.resolve(undefined); // the end
      const [index, bytes] = found;
      buffer.set(bytes);
      return Promise.resolve({ diskOffset: index * BLOCK_SIZE, length: BLOCK_SIZE });
    },
    close: () => Promise.resolve(),
  };
}

const last = 2 ** 40 / BLOCK_SIZE - 1;
const block = (text: string) => new Uint8Array(BLOCK_SIZE).fill(text.charCodeAt(0));
const source = blockSource(
  2 ** 40,
  new Map([
    [last, block('b')],
    [0, block('a')],
  ]),
);
const { images } = await encode(source, [
  { format: qcow2(), sink: await fileSink('blocks.qcow2') },
  { format: vmdk(), sink: await fileSink('blocks.vmdk') },
]);
for (const { name, length } of images) console.log(`${name}: ${length} bytes`);
