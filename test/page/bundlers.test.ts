// The library in an application that Vite bundles, as an application would have it.

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { build } from 'vite';
import { CHROMIUM, openPage, serve } from '../support/chromium.ts';
import { folderWith } from '../support/folder.ts';
import { describeWith } from '../support/peers.ts';

const APPLICATION = `
  import { encode, memorySink, openSource, qcow2, raw, sourceFrom } from 'kexport';
  import { BLOCK_SIZE } from 'kexport/formats';
  const disk = new Uint8Array(100 * BLOCK_SIZE);
  for (let at = 0; at < disk.length / 2; at++) disk[at] = (at * at * 31) >>> 7;
  const image = memorySink();
  await encode(await sourceFrom(new Blob([disk])), [{ format: qcow2(), sink: image }]);
  const again = memorySink();
  const file = new File([image.bytes()], 'x.qcow2');
  await encode(await openSource(file), [{ format: raw(), sink: again }]);
  const isSame = again.bytes().every((byte, at) => byte === disk[at]);
  document.title = 'done: ' + [isSame, again.bytes().length / BLOCK_SIZE, crossOriginIsolated];
`;

describeWith([CHROMIUM], 'an application that Vite has bundled', () => {
  test('writes and reads an image, in workers and without', async () => {
    const root = folderWith({
      'index.html': '<!doctype html><script type="module" src="/main.js"></script>',
      'main.js': APPLICATION,
    });
    mkdirSync(join(root, 'node_modules'));
    symlinkSync(process.cwd(), join(root, 'node_modules', 'kexport'));
    await build({
      root,
      logLevel: 'silent',
      worker: { format: 'es' },
      build: { target: 'es2022' },
    });
    for (const isIsolated of [true, false]) {
      const { address } = await serve(join(root, 'dist'), { isIsolated });
      const { page, complaints } = await openPage(address);
      await page.waitForFunction('document.title.startsWith("done: ")');
      expect(await page.title()).toBe(`done: true,100,${String(isIsolated)}`);
      expect(complaints).toEqual([]);
    }
  });
});
