/**
 * Bytes as lines of hexadecimal digits, each after its offset, without the lines that are all
 * zeros.
 */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    if (line.every((byte) => byte === 0)) continue;
    lines.push(`${at.toString(16).padStart(4, '0')}: ${Buffer.from(line).toString('hex')}`);
  }
  return lines;
}
