// The registry: one line per format.

import { qcow2 } from './qcow2/index.ts';
import { raw } from './raw.ts';
import { vhd, vhdDynamic } from './vhd/index.ts';
import { vmdk } from './vmdk/index.ts';

export * from './contract.ts';
export { FormatError } from './errors.ts';
export type { VhdOptions } from './vhd/index.ts';
export type { AdapterType } from './vmdk/descriptor.ts';
export type { VmdkOptions } from './vmdk/index.ts';
export { qcow2, raw, vhd, vhdDynamic, vmdk };

/** Makes each format with its default options, by its name, in the order in which people see them. */
export const FORMATS = { qcow2, raw, vhd, 'vhd-dynamic': vhdDynamic, vmdk };

/** As typed on the command line. */
export type FormatName = keyof typeof FORMATS;
