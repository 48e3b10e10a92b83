// The registry: one line for each format.

import { containerdisk } from './containerdisk/index.ts';
import { gce } from './gce/index.ts';
import { rawGz } from './gzip/index.ts';
import { incus } from './incus/index.ts';
import { ova } from './ova/index.ts';
import { qcow2 } from './qcow2/index.ts';
import { raw } from './raw.ts';
import { vagrantLibvirt, vagrantVirtualbox } from './vagrant/index.ts';
import { vdi } from './vdi/index.ts';
import { vhd, vhdDynamic } from './vhd/index.ts';
import { vhdx } from './vhdx/index.ts';
import { vma } from './vma/index.ts';
import { vmdk } from './vmdk/index.ts';
import { rawZst } from './zstd/index.ts';

export * from './contract.ts';
export { FormatError, type FormatErrorKind } from './errors.ts';
export type { None } from './none.ts';
export type { OvaOptions, OvaReadOptions, OvaWriteOptions } from './ova/index.ts';
export type {
  DiskController,
  Firmware,
  KnownOsType,
  MachineOptions,
  Nic,
  OsType,
} from './machine.ts';
export type { IncusOptions } from './incus/index.ts';
export type { ManifestAlgorithm } from './ova/encode-manifest.ts';
export type { Profile } from './ova/profile.ts';
export type { Qcow2Options } from './qcow2/index.ts';
export type { VagrantOptions } from './vagrant/index.ts';
export type { VhdOptions } from './vhd/index.ts';
export type { VhdxOptions } from './vhdx/index.ts';
export type { VmaOptions } from './vma/index.ts';
export type { AdapterType } from './vmdk/encode-descriptor.ts';
export type { VmdkOptions } from './vmdk/index.ts';
export {
  containerdisk,
  gce,
  incus,
  ova,
  qcow2,
  raw,
  rawGz,
  rawZst,
  vagrantLibvirt,
  vagrantVirtualbox,
  vdi,
  vhd,
  vhdDynamic,
  vhdx,
  vma,
  vmdk,
};

/**
 * Makes each format with its default options, by its name, in the order in which they are listed.
 */
export const FORMATS = {
  /** See {@link qcow2}. */
  qcow2,
  /** See {@link raw}. */
  raw,
  /** See {@link rawGz}. */
  'raw.gz': rawGz,
  /** See {@link rawZst}. */
  'raw.zst': rawZst,
  /** See {@link vhd}. */
  vhd,
  /** See {@link vhdDynamic}. */
  'vhd-dynamic': vhdDynamic,
  /** See {@link vhdx}. */
  vhdx,
  /** See {@link vdi}. */
  vdi,
  /** See {@link gce}. */
  gce,
  /** See {@link vmdk}. */
  vmdk,
  /** See {@link ova}. */
  ova,
  /** See {@link vma}. */
  vma,
  /** See {@link containerdisk}. */
  containerdisk,
  /** See {@link incus}. */
  incus,
  /** See {@link vagrantLibvirt}. */
  'vagrant-libvirt': vagrantLibvirt,
  /** See {@link vagrantVirtualbox}. */
  'vagrant-virtualbox': vagrantVirtualbox,
};

/** A format as typed on the command line. */
export type FormatName = keyof typeof FORMATS;

/** The formats of `all`: one image for each kind of host. */
export const ALL_FORMATS: readonly FormatName[] = ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'];
