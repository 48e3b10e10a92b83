import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { renewed } from '../../src/remote/renewed.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-01-01T00:00:00Z');

let found: number; // how often one was looked for
beforeEach(() => {
  found = 0;
  vi.useFakeTimers({ toFake: ['Date'], now: START });
});
afterEach(() => void vi.useRealTimers());

/** Tokens that live for some minutes each; it fails while `isDown` says so. */
function tokens(minutes: number, isDown: () => boolean = () => false) {
  return renewed(async () => {
    found++;
    await Promise.resolve();
    if (isDown()) throw new Error('not there');
    return { name: `token ${found}`, expiresAt: Date.now() + minutes * MINUTE };
  });
}

/** Lets what is under way end, and sets the clock. */
async function at(minutes: number): Promise<void> {
  await setImmediate();
  vi.setSystemTime(START + minutes * MINUTE);
}

test('a token is found anew five minutes before its end, once for all who ask', async () => {
  const token = tokens(60);
  const names = async () =>
    (await Promise.all([token.get(), token.get(), token.get()])).map(({ name }) => name);
  expect(await names()).toEqual(Array(3).fill('token 1'));
  await at(54);
  expect(await names()).toEqual(Array(3).fill('token 1'));
  expect(found).toBe(1);
  await at(56);
  expect(await names()).toEqual(Array(3).fill('token 1')); // nobody waits for the other
  await at(57);
  expect(await names()).toEqual(Array(3).fill('token 2'));
  expect(found).toBe(2);
});

test('a token that lives shorter is found anew in the middle of its life', async () => {
  const token = tokens(4);
  for (const minute of [0, 1, 1.9]) {
    await at(minute);
    await token.get();
  }
  expect(found).toBe(1);
  await at(2.1);
  await token.get();
  await at(2.2);
  expect((await token.get()).name).toBe('token 2');
});

test('a token is used to its end if no other is found, which is tried again', async () => {
  let isDown = false;
  const token = tokens(60, () => isDown);
  await token.get();
  isDown = true;
  await at(56);
  for (let count = 0; count < 10; count++) expect((await token.get()).name).toBe('token 1');
  expect(found).toBe(2);
  await at(57);
  expect((await token.get()).name).toBe('token 1');
  expect(found).toBe(3);
  await at(60);
  await expect(token.get()).rejects.toThrow('not there');
  isDown = false;
  expect((await token.get()).name).toBe('token 5');
});

test('a token that was refused is not used again', async () => {
  let isDown = false;
  const token = tokens(60, () => isDown);
  expect(token.renew()).toBe(false);
  await token.get();
  isDown = true;
  expect([token.renew(), token.renew()]).toEqual([true, true]);
  await expect(token.get()).rejects.toThrow('not there');
  isDown = false;
  expect((await token.get()).name).toBe('token 3');
});
