// The registry: one line for each format.

import { ova } from './ova/index.ts';
import { qcow2 } from './qcow2/index.ts';
import { raw } from './raw.ts';
import { vhd, vhdDynamic } from './vhd/index.ts';
import { vmdk } from './vmdk/index.ts';

export * from './contract.ts';
export { FormatError, type FormatErrorKind } from './errors.ts';
export type { OvaOptions } from './ova/index.ts';
export type { VhdOptions } from './vhd/index.ts';
export type { AdapterType } from './vmdk/encode-descriptor.ts';
export type { VmdkOptions } from './vmdk/index.ts';
export { ova, qcow2, raw, vhd, vhdDynamic, vmdk };

/** Makes each format with its default options, in the order in which people see them. */
export const FORMATS = { qcow2, raw, vhd, 'vhd-dynamic': vhdDynamic, vmdk, ova };

/** A format as typed on the command line. */
export type FormatName = keyof typeof FORMATS;

/** The formats of `all`: one image for each kind of host. */
export const ALL_FORMATS: readonly FormatName[] = ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'];
