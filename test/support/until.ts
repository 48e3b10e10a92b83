/**
 * Waits for a condition that another process brings about; checks it at every turn of the event
 * loop.
 */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
