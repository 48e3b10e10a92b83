/** The version of Node in the executables. docs/install.md says why this one. */
export const NODE_VERSION = '24.21.0';

/** The packages that have Node's own builds, as npm would write them into a lock file. */
export const NODE_BUILDS = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
} as const;

/** What there are executables for, as Node calls it. */
export type Architecture = keyof typeof NODE_BUILDS;

export const ARCHITECTURES = Object.keys(NODE_BUILDS) as Architecture[];

/** The architectures among the words of a command line; all, if there are none. */
export function architecturesOf(words: readonly string[]): Architecture[] {
  const found = ARCHITECTURES.filter((one) => words.length === 0 || words.includes(one));
  if (found.length < words.length) {
    throw new Error(`there are executables for ${ARCHITECTURES.join(' and ')}`);
  }
  return found;
}
