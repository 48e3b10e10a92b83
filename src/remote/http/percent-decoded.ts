/** A user, a password or a path as an address has it, decoded; a `%` that encodes nothing stays. */
export function percentDecoded(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes; // no UTF-8
    }
  });
}
