const waiting = new Set<object>();

/**
 * Holds the reader of a web stream until it has read. Chromium collects a stream that nothing else
 * refers to, and with it whatever waits for its next bytes.
 */
export async function held<T>(reader: object, reading: Promise<T>): Promise<T> {
  waiting.add(reader);
  try {
    return await reading;
  } finally {
    waiting.delete(reader);
  }
}
