const UNITS = 'kmgtp';

/**
 * Bytes of a size in qemu-img's units: "10G" is 10 * 2 ** 30. Undefined if the text is not a size
 * above 0.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, digits = '', unit = ''] = match;
  const bytes = Number(digits) * 1024 ** (unit ? UNITS.indexOf(unit.toLowerCase()) + 1 : 0);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
