// The library: everything a program needs to export a disk without the command line.

export * from './library.ts';
export {
  type BytesFrom,
  type ByteInput,
  byteStreamFrom,
  type ByteStreamOptions,
} from './byte-streams/byte-stream-from.ts';
export { encodeOverlay, type OverlayOptions } from './export/overlay.ts';
export type { DeviceLayer, HostDisk, HostPartition } from './host/host-disk.ts';
export { imageInfo, type ImageInfoOptions } from './images/image-info.ts';
export { openImageFile, type OpenFileOptions } from './images/open-image-file.ts';
export type { ImageFiles, OpenImage } from './images/read-image.ts';
export { disksIn, type DisksInOptions } from './open/disks-in.ts';
export { openChanges, openSource } from './open/open-source.ts';
export {
  type RawBytes,
  type SentBytes,
  sourceFrom,
  type SourceFromOptions,
} from './open/source-from.ts';
export type {
  AnyDisk,
  ChangesOptions,
  CommonOptions,
  DiskOfOva,
  DiskOfStream,
  FromFormat,
  OvaChoice,
  SentChoice,
  SourceOptions,
} from './open/source-options.ts';
export { descriptorSink, type DescriptorSinkOptions } from './sinks/descriptor.ts';
export { deviceSink, type DeviceSinkOptions } from './sinks/device.ts';
export { fileSink, type FileSinkOptions } from './sinks/file.ts';
export type { SentChanges } from './zfs-send/changes.ts';
export type { Layer, Piece } from './zfs-send/layer.ts';
export type { SnapshotOptions } from './host/disk-snapshot.ts';
export type { CaptureOptions } from './zfs/live/capture-pool.ts';
export type { DiskExtent } from './live/disk-extents.ts';
export { type LiveDiskOptions, openLiveDisks } from './zfs/live/live-disks.ts';
export type { LivePool, PoolDevice } from './zfs/live/live-pools.ts';
export type { MountedPartition } from './live/mounted-copy.ts';
export { type LiveOptions, type LivePlan, planLiveExport } from './zfs/live/plan.ts';
export type { CopyOptions, DiskPlan } from './zfs/live/plan-disk.ts';
export type { BesidePartitions, StackedPartition } from './live/beside.ts';
