import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { encode, memorySink, openSource, ova, qcow2, raw, vmdk } from 'kexport';
import { expect, test } from 'vitest';
import { bundled } from '../support/built.ts';
import { CHROMIUM, openPage, serve } from '../support/chromium.ts';
import { describeWith } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

const IDENTITY = { name: 'x', uuid: new Uint8Array(16).fill(7), createdAt: 1e9 };

/** Runs in the page: images of a disk that comes as bytes, in base64, and of one of the images. */
const SCRIPT = `async (base64) => {
  const k = await import('./index.js');
  const { BLOCK_SIZE } = await import('./formats.js');
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const identity = { name: 'x', uuid: new Uint8Array(16).fill(7), createdAt: 1e9 };
  const hashOf = async (image) => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', image));
    return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  };
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('x.vmdk', { create: true });
  const memory = k.memorySink();
  const pieces = [];
  const stream = new WritableStream({ write: (piece) => void pieces.push(piece) });
  await k.encode(
    await k.sourceFrom(new Blob([bytes])),
    [
      { format: k.qcow2(), sink: memory },
      { format: k.vmdk(), sink: k.browserFileSink(await handle.createWritable()) },
      { format: k.ova(), sink: k.writableSink(stream) },
    ],
    { identity },
  );
  const file = new File([memory.bytes()], 'x.qcow2');
  const again = k.memorySink();
  const fetched = k.memorySink();
  const url = new URL('disk.raw', location.href);
  await k.encode(await k.openSource(url), [{ format: k.raw(), sink: fetched }]);
  await k.encode(await k.openSource(file), [{ format: k.raw(), sink: again }]);
  const verdict = await k.verifyImageFiles(await k.openImageFile(file), {
    against: await k.sourceFrom(bytes),
  });
  const info = await k.imageInfo(file);
  return {
    isIsolated: crossOriginIsolated,
    blockSize: BLOCK_SIZE,
    qcow2: await hashOf(memory.bytes()),
    vmdk: await hashOf(await (await handle.getFile()).arrayBuffer()),
    ova: await hashOf(await new Blob(pieces).arrayBuffer()),
    raw: await hashOf(again.bytes()),
    fetched: await hashOf(fetched.bytes()),
    partitions: info.disk.table.partitions.length,
    problems: verdict.problemCount,
    differsAt: verdict.differsAt ?? null,
  };
}`;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describeWith([CHROMIUM], 'the library in a browser', () => {
  test.each([true, false])('makes what it makes in Node; isolated: %s', async (isIsolated) => {
    const bytes = readFileSync(BOOT_DISK);
    const folder = dirname(bundled('browser/index.js'));
    const { address } = await serve(folder, { isIsolated, files: { 'disk.raw': bytes } });
    const { page, complaints } = await openPage(address);
    const found = await page.evaluate(`(${SCRIPT})(${JSON.stringify(bytes.toString('base64'))})`);

    const sinks = { qcow2: memorySink(), vmdk: memorySink(), ova: memorySink() };
    const targets = [
      { format: qcow2(), sink: sinks.qcow2 },
      { format: vmdk(), sink: sinks.vmdk },
      { format: ova(), sink: sinks.ova },
    ];
    await encode(await openSource(BOOT_DISK), targets, { identity: IDENTITY });
    const plain = memorySink();
    await encode(await openSource(BOOT_DISK), [{ format: raw(), sink: plain }]);
    expect(found).toEqual({
      isIsolated,
      blockSize: 65_536,
      qcow2: sha256(sinks.qcow2.bytes()),
      vmdk: sha256(sinks.vmdk.bytes()),
      ova: sha256(sinks.ova.bytes()),
      raw: sha256(plain.bytes()),
      fetched: sha256(plain.bytes()),
      partitions: 2,
      problems: 0,
      differsAt: null,
    });
    expect(complaints).toEqual([]);
  });
});
