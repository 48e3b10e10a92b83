// Where the logical volumes of a disk lie on it, from LVM's reports.

import { realpath } from 'node:fs/promises';
import { KexportError } from '../../errors.ts';
import { type HostDisk, type HostPartition, layerBelow } from '../../host/host-disk.ts';
import type { DiskExtent } from '../../live/disk-extents.ts';
import { lvmFailure, lvmReport, type Row } from '../run-lvm.ts';
import { columnsOfVolumes, type LogicalVolume, volumeOf } from '../volume.ts';

/** A physical volume on a partition of the disk, or on all of it. */
export interface PhysicalVolume extends HostPartition {
  /** Its device as LVM's reports have it. */
  readonly reported: string;
  /** The volume group that it belongs to. */
  readonly group: string;
  /** Where its extents begin and end on the disk. What is around them is LVM's own. */
  readonly extents: DiskExtent;
}

/** A logical volume whose extents lie one after the other in each of its segments. */
export interface PlacedVolume extends LogicalVolume {
  /** Ascending in the volume. */
  readonly segments: readonly Segment[];
}

/** A part of a volume. */
export interface Segment {
  /** Where it begins in the volume, in bytes. */
  readonly volumeOffset: number;
  /** In bytes. */
  readonly diskOffset: number;
  /** In bytes. */
  readonly size: number;
}

/** What LVM has on a disk. */
export interface DiskLayout {
  readonly physical: readonly PhysicalVolume[];
  readonly volumes: readonly PlacedVolume[];
  /**
   * The volume groups and the numbers of their last changes, as one text: the same as long as
   * nothing in LVM has changed.
   */
  readonly version: string;
}

/**
 * The layout of LVM on a disk; undefined if it has no physical volume. Throws a KexportError if an
 * image of the disk would lack a part of a volume group, or if one of its volumes cannot be found
 * on the disk by extents alone.
 */
export async function diskLayout(disk: HostDisk): Promise<DiskLayout | undefined> {
  const parts = new Map([disk, ...disk.partitions].map((part) => [part.path, part]));
  const rows = await lvmReport('pvs', PV_COLUMNS).catch((error: unknown) => {
    if (lvmFailure(error) === 'no-command') return []; // without LVM there is none
    throw error;
  });
  const physical: PhysicalVolume[] = [];
  const here: Row[] = [];
  for (const row of rows) {
    const path = await realpath(row['pv_name'] ?? '').catch(() => undefined);
    const part = path === undefined ? undefined : parts.get(path);
    if (!part || row['vg_name'] === '') continue;
    here.push(row);
    physical.push(physicalVolume(row, part));
  }
  const [first] = physical;
  if (!first) return undefined;
  const layer = await layerBelow(disk.path);
  if (layer) {
    const what = `${disk.path}, which is ${layer.kind} on ${layer.devices.join(', ')}`;
    throw refusal(`volume group ${first.group} is on ${what}`);
  }
  for (const group of new Set(physical.map((each) => each.group))) {
    const elsewhere = rows.find((row) => row['vg_name'] === group && !here.includes(row));
    if (!elsewhere) continue;
    const where = `${elsewhere['pv_name'] ?? ''} is not on that disk`;
    throw refusal(`volume group ${group} is not all on ${disk.path}: ${where}`);
  }
  const volumes = await placedVolumes(physical);
  const versions = here.map((row) => `${row['vg_name'] ?? ''} ${row['vg_seqno'] ?? ''}`);
  return { physical, volumes, version: versions.join('\n') };
}

const PV_COLUMNS = ['pv_name', 'vg_name', 'pe_start', 'pv_pe_count', 'vg_extent_size', 'vg_seqno'];

function physicalVolume(row: Row, part: HostPartition): PhysicalVolume {
  const { pv_name: reported = '', vg_name: group = '' } = row;
  const start = part.diskOffset + Number(row['pe_start']);
  const size = Number(row['pv_pe_count']) * Number(row['vg_extent_size']);
  return { ...part, reported, group, extents: { start, end: start + size } };
}

async function placedVolumes(physical: readonly PhysicalVolume[]): Promise<PlacedVolume[]> {
  const volumes = new Map<string, PlacedVolume & { readonly segments: Segment[] }>();
  for (const [row, found] of await segmentRows(physical)) {
    // A snapshot of somebody else changes with its volume, in extents of its own.
    const isPlain = row['segtype'] === 'linear' && row['lv_role'] === 'public';
    if (!isPlain) throw refusal(`the volume ${found.name} is ${kindOf(row)}`);
    const volume = volumes.get(found.name) ?? { ...found, segments: [] };
    volumes.set(found.name, volume);
    volume.segments.push(segmentOf(row, found, physical));
  }
  return [...volumes.values()];
}

/** The segments of all volumes in the groups of these physical volumes. */
async function segmentRows(physical: readonly PhysicalVolume[]): Promise<[Row, LogicalVolume][]> {
  const columns = [...columnsOfVolumes, 'segtype', 'seg_start', 'seg_size', 'seg_pe_ranges'];
  const rows = await lvmReport('lvs', columns, ['-a', '--segments']);
  return rows
    .map((row): [Row, LogicalVolume] => [row, volumeOf(row)])
    .filter(([, volume]) => physical.some(({ group }) => group === volume.group));
}

/**
 * Throws a KexportError if one of these volumes of a layout has moved since, or is in use now and
 * was not then.
 */
export async function checkInPlace(
  { physical }: DiskLayout,
  volumes: readonly PlacedVolume[],
): Promise<void> {
  const rows = await segmentRows(physical);
  for (const { name, isOpen, segments } of volumes) {
    const now = rows.filter(([, volume]) => volume.name === name);
    const places = now.map(([row, volume]) => segmentOf(row, volume, physical).diskOffset);
    const isSame =
      now.length === segments.length &&
      segments.every(({ diskOffset }, index) => places[index] === diskOffset);
    const isUsed = !isOpen && now.some(([, volume]) => volume.isOpen);
    if (isSame && !isUsed) continue;
    const what = isSame ? 'was put to use' : 'was moved, resized or removed';
    throw new KexportError('source', `the volume ${name} ${what} while it was exported`, {
      hint: 'export the disk again',
    });
  }
}

/** What kind of volume it is that is not linear, or that has a snapshot. */
function kindOf(row: Row): string {
  const { segtype, lv_role: role = '', lv_layout: layout = '' } = row;
  if (segtype !== 'linear') return `of the kind ${layout === '' ? (segtype ?? 'unknown') : layout}`;
  return `in the role ${role}`;
}

function segmentOf(
  row: Row,
  { name, extentSize }: LogicalVolume,
  physical: readonly PhysicalVolume[],
): Segment {
  const [, device, first] = /^(.*):(\d+)-\d+$/.exec(row['seg_pe_ranges'] ?? '') ?? [];
  const on = physical.find(({ reported }) => reported === device);
  if (!on) throw refusal(`lvs does not say where the volume ${name} lies`);
  return {
    volumeOffset: Number(row['seg_start']),
    diskOffset: on.extents.start + Number(first) * extentSize,
    size: Number(row['seg_size']),
  };
}

function refusal(found: string): KexportError {
  return new KexportError('source', `${found}: the disk cannot be exported while it is in use`, {
    hint: 'export its volumes one by one: kexport sources lists them',
  });
}
