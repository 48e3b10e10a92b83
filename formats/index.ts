// The registry: one line per format.

import { qcow2 } from './qcow2/index.ts';
import { raw } from './raw.ts';

export * from './contract.ts';
export { qcow2, raw };

/** Makes each format with its default options, by its name, in the order in which people see them. */
export const FORMATS = { qcow2, raw };

/** As typed on the command line. */
export type FormatName = keyof typeof FORMATS;
