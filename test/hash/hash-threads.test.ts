import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { HashAlgorithm } from '../../formats/index.ts';
import type * as HashThreadsModule from '../../src/hash/hash-threads.ts';
import { built, importBuilt } from '../support/built.ts';
import { noise } from '../support/disks.ts';

const MIB = 2 ** 20;
const { hashThreads } = await importBuilt<typeof HashThreadsModule>('src/hash/hash-threads.ts');

/** Bytes in memory that threads share. */
function shared(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
}

const sha256 = (...parts: Uint8Array[]) =>
  createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe.each([1, 8])('a hash with %i threads', (count) => {
  test('is that of its bytes, in memory that is shared or not, and of zeros', async () => {
    const threads = hashThreads(count);
    const hash = threads.open('sha256');
    const large = noise(6 * MIB);
    const inPlace = shared(large);
    const small = Buffer.from('a table of the writer');
    for (let at = 0; at < large.length; at += MIB) {
      hash.update(inPlace.subarray(at, at + MIB / 2));
      hash.update(inPlace.subarray(at + MIB / 2, at + MIB));
      await hash.flush();
    }
    hash.update(small);
    hash.zeros(100_000);
    await hash.addZeros(3 * MIB + 1);
    hash.update(large.subarray(1, MIB));
    await hash.flush();
    hash.update(small);
    const zeros = new Uint8Array(100_000 + 3 * MIB + 1);
    const wanted = sha256(large, small, zeros, large.subarray(1, MIB), small);
    expect(await hash.digest()).toBe(wanted);
    await threads.close();
  });

  test('needs no bytes any more once they are flushed', async () => {
    const threads = hashThreads(count);
    const hash = threads.open('sha256');
    const bytes = noise(9 * MIB);
    const slab = shared(bytes.subarray(0, MIB));
    for (let at = 0; at < bytes.length; at += MIB) {
      slab.set(bytes.subarray(at, at + MIB));
      hash.update(slab);
      await hash.flush();
    }
    slab.fill(1);
    expect(await hash.digest()).toBe(sha256(bytes));
  });

  test('is right beside more hashes than threads, and of nothing', async () => {
    const threads = hashThreads(count);
    const bytes = Array.from({ length: 7 }, (_, index) => noise(5 * MIB + index));
    const digests = bytes.map(async (each) => {
      const hash = threads.open('sha512');
      for (let at = 0; at < each.length; at += MIB) {
        hash.update(each.subarray(at, at + MIB));
        await hash.flush();
      }
      return hash.digest();
    });
    const wanted = bytes.map((each) => createHash('sha512').update(each).digest('hex'));
    expect(await Promise.all(digests)).toEqual(wanted);
    expect(await threads.open('sha256').digest()).toBe(sha256());
  });

  test('of zeros without end can be ended by a signal', async () => {
    const threads = hashThreads(count);
    const hash = threads.open('sha256');
    const signal = AbortSignal.abort('SIGINT');
    await expect(hash.addZeros(2 ** 50, signal)).rejects.toMatchObject({ code: 'aborted' });
    await hash.close();
    await hash.close();
    await threads.close();
  });
});

test('a thread that dies fails its hashes, and not those of others', async () => {
  const threads = hashThreads(8);
  const other = threads.open('sha256');
  const bytes = noise(5 * MIB);
  other.update(bytes);
  await other.flush();
  const hash = threads.open('no algorithm' as HashAlgorithm);
  hash.update(bytes);
  await expect(hash.flush()).rejects.toThrow(/digest/i);
  hash.update(bytes);
  await expect(hash.digest()).rejects.toThrow(/digest/i);
  expect(await other.digest()).toBe(sha256(bytes));
  await threads.close();
});

test('a program ends once its hashes have ended or were given up', () => {
  const program = `
    import { hashThreads } from ${JSON.stringify(built('src/hash/hash-threads.ts'))};
    const threads = hashThreads(8);
    const hashes = [1, 2, 3, 4, 5, 6].map(() => threads.open('sha256'));
    for (const hash of hashes) hash.update(new Uint8Array(${5 * MIB}));
    await Promise.all(hashes.map((hash) => hash.flush()));
    await hashes[0].digest();
    await hashes[1].close();
    await threads.close();
    console.log('closed');
  `;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { encoding: 'utf8', timeout: 60_000 },
  );
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'closed\n', stderr: '' });
});
