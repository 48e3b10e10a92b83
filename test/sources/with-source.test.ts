import { describe, expect, test } from 'vitest';
import type { Source } from '../../src/sources/source.ts';
import { withSource } from '../../src/sources/with-source.ts';

/** A source whose members work on itself alone, and whose size is known at its end. */
class Pipe implements Source {
  readonly name = 'pipe';
  readonly origin = '/dev/sda';
  readonly snapshotGuid = 7n;
  #ended = false;
  closed = 0;

  get size() {
    return this.#ended ? 42 : undefined;
  }
  next() {
    this.#ended = true;
    return Promise.resolve(undefined);
  }
  read(diskOffset: number) {
    return Promise.resolve(this.#ended ? 0 : diskOffset);
  }
  close() {
    this.closed++;
    return Promise.resolve();
  }
}

const signal = AbortSignal.abort();
const buffer = new Uint8Array(1);

describe('a source with replacements', () => {
  test('is the other one in all that is not replaced', async () => {
    const pipe = new Pipe();
    const { name, origin, snapshotGuid, ...wrapped } = withSource(pipe, {});
    expect({ name, origin, snapshotGuid }).toEqual({
      name: 'pipe',
      origin: '/dev/sda',
      snapshotGuid: 7n,
    });
    expect(await wrapped.read?.(3, buffer)).toBe(3);
    await wrapped.close();
    expect(pipe.closed).toBe(1);
  });

  test('knows its size when the other one does', async () => {
    const wrapped = withSource(new Pipe(), { name: 'other' });
    expect(wrapped.size).toBeUndefined();
    await wrapped.next(buffer, signal);
    expect(wrapped).toMatchObject({ name: 'other', size: 42 });
  });

  test('keeps a getter that replaces', () => {
    const sizes = [undefined, 5];
    const wrapped = withSource(new Pipe(), {
      get size() {
        return sizes.shift();
      },
    });
    expect([wrapped.size, wrapped.size]).toEqual([undefined, 5]);
  });

  test('has no random access where neither has, or where that is taken away', () => {
    const without = withSource(new Pipe(), { read: undefined });
    expect(without).toMatchObject({ name: 'pipe', read: undefined });
    expect(withSource(without, {})).toMatchObject({ name: 'pipe', read: undefined });
  });
});
