/**
 * Waits for all promises, also if some fail, and then throws the first error. So none of them still
 * uses a shared buffer when this throws.
 */
export async function allSettled(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
}
