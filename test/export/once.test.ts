import { encode, encodeMachine, memorySink, openSource, raw, sourceFrom } from 'kexport';
import { expect, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { BOOT_DISK } from '../support/project.ts';

const ONCE = { code: 'usage', hint: 'open it again for each export' };

test('a source is exported once: it is at its end then, and not a disk of zeros', async () => {
  const source = await openSource(BOOT_DISK);
  await encode(source, [{ format: raw(), sink: memorySink() }]);
  await expect(encode(source, [{ format: raw(), sink: memorySink() }])).rejects.toMatchObject(ONCE);
});

test('no two disks of a machine are one source', async () => {
  const source = await sourceFrom(noise(2 ** 20));
  const disks = [1, 2].map(() => ({ source, targets: [{ format: raw(), sink: memorySink() }] }));
  await expect(encodeMachine(disks, [])).rejects.toMatchObject(ONCE);
});

test('no two images go to one sink, and an export that goes on keeps its own', async () => {
  const sink = memorySink();
  const targets = [{ format: raw(), sink }];
  const first = encode(await sourceFrom(noise(2 ** 20)), targets);
  await expect(encode(await sourceFrom(noise(2 ** 20)), targets)).rejects.toMatchObject(ONCE);
  await first;
  expect(Buffer.from(sink.bytes()).equals(noise(2 ** 20))).toBe(true);
});
