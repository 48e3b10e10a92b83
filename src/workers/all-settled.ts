/**
 * Waits for all of them, failed ones too, before it throws the first error: none still uses a
 * buffer of theirs then.
 */
export async function allSettled(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
}
