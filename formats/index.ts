// The registry: one line per format.

import { qcow2 } from './qcow2/index.ts';
import { raw } from './raw.ts';
import { vhd, vhdDynamic } from './vhd/index.ts';

export * from './contract.ts';
export { qcow2, raw, vhd, vhdDynamic };
export type { VhdOptions } from './vhd/index.ts';

/** Makes each format with its default options, by its name, in the order in which people see them. */
export const FORMATS = { qcow2, raw, vhd, 'vhd-dynamic': vhdDynamic };

/** As typed on the command line. */
export type FormatName = keyof typeof FORMATS;
