import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nameOfDevice, BLOCK_DEVICES, textOf } from '../host/host-disk.ts';
import { NAME_PREFIX } from '../host/owner.ts';
import { lvmReport, type Row } from './run-lvm.ts';

/** A logical volume; sizes in bytes. */
export interface LogicalVolume {
  /** VG/LV. */
  readonly name: string;
  /** Its volume group. */
  readonly group: string;
  /** The device that LVM makes: `/dev/mapper/vg-lv`. */
  readonly path: string;
  /** The kernel's name of that device, `dm-0`; undefined if the volume is not active. */
  readonly device: string | undefined;
  readonly size: number;
  /** Whether it lies in a thin pool, which then holds its snapshots too. */
  readonly isThin: boolean;
  /** Whether it is itself a snapshot that is not thin, of which LVM makes no snapshot. */
  readonly isThickSnapshot: boolean;
  readonly isReadOnly: boolean;
  /** Whether anything has it open, such as a mounted file system or a virtual machine. */
  readonly isOpen: boolean;
  /** Of its volume group. */
  readonly free: number;
  /** The unit of space in its volume group. */
  readonly extentSize: number;
}

/** The columns of a report that {@link volumeOf} reads. */
export const columnsOfVolumes = [
  ...['vg_name', 'lv_name', 'lv_dm_path', 'lv_size', 'lv_layout', 'lv_role', 'lv_permissions'],
  ...['lv_device_open', 'lv_kernel_minor', 'vg_free', 'vg_extent_size'],
];

/** `LVM-`, and two UUIDs of 32 characters; those of volumes that LVM keeps for itself go on. */
const DM_UUID = /^LVM-\w{32}(\w{32})$/;

/**
 * The UUID of the logical volume that a path is the device of, as LVM writes it; undefined for
 * anything else.
 */
export async function volumeUuid(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  const device = found?.isBlockDevice() ? await nameOfDevice(found.rdev) : undefined;
  if (device === undefined) return undefined;
  const [, own] = DM_UUID.exec((await textOf(join(BLOCK_DEVICES, device), 'dm/uuid')) ?? '') ?? [];
  return own?.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-$5-$6-');
}

/** The volume with that UUID; undefined if LVM has none. Throws a KexportError. */
export async function findVolume(
  uuid: string,
  signal?: AbortSignal,
): Promise<LogicalVolume | undefined> {
  const [row] = await lvmReport('lvs', columnsOfVolumes, ['-S', `lv_uuid=${uuid}`], { signal });
  return row && volumeOf(row);
}

/**
 * The active volumes, without those that LVM keeps for itself or exports have made. Throws a
 * KexportError.
 */
export async function listLogicalVolumes(): Promise<LogicalVolume[]> {
  const rows = await lvmReport('lvs', columnsOfVolumes, [
    '-S',
    'lv_active=active && lv_role=public',
  ]);
  const isOurs = (row: Row) => row['lv_name']?.startsWith(NAME_PREFIX) === true;
  return rows.filter((row) => !isOurs(row)).map(volumeOf);
}

/** The volume in a line of a report. */
export function volumeOf(row: Row): LogicalVolume {
  const words = (name: string) => (row[name] ?? '').split(',');
  const minor = Number(row['lv_kernel_minor'] ?? -1);
  const { vg_name: group = '', lv_name: name = '', lv_dm_path: path = '' } = row;
  return {
    name: `${group}/${name}`,
    group,
    path,
    device: minor < 0 ? undefined : `dm-${minor}`,
    size: Number(row['lv_size']),
    isThin: words('lv_layout').includes('thin'),
    isThickSnapshot: words('lv_role').includes('thicksnapshot'),
    isReadOnly: (row['lv_permissions'] ?? '').startsWith('read-only'),
    isOpen: row['lv_device_open'] === 'open',
    free: Number(row['vg_free']),
    extentSize: Number(row['vg_extent_size']),
  };
}
