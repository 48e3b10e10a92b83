// The library: everything a program needs to export a disk without the command line.

export * from '../formats/index.ts';
export type { StreamFacts } from '../formats/zfs-send/index.ts';
export {
  type BytesFrom,
  type ByteInput,
  byteStreamFrom,
  type ByteStreamOptions,
} from './byte-streams/byte-stream-from.ts';
export type { ByteStream } from './byte-streams/byte-stream.ts';
export { type CompressorName, COMPRESSORS } from './compress/compressor.ts';
export {
  type ErrorCode,
  type ErrorDetails,
  type ErrorText,
  KexportError,
  type Notation,
  type OnWarning,
  OPTION_NAMES,
  type OptionMention,
  type OptionName,
  Warning,
  type WarningCode,
  type Wording,
} from './errors.ts';
export { encode, type EncodeResult } from './export/encode.ts';
export { type DiskResult, encodeMachine, type MachineResult } from './export/encode-machine.ts';
export type {
  EncodeMachineOptions,
  EncodeOptions,
  EncodeSettings,
  Identity,
  RunSettings,
} from './export/encode-options.ts';
export {
  type Compression,
  type CompressionOptions,
  DEFAULT_LEVELS,
  type ZlibCompression,
  type ZlibLevel,
  type ZstdCompression,
  type ZstdLevel,
} from './export/encodings.ts';
export type { Failure } from './export/image-set.ts';
export type { ImageResult, Target } from './export/image.ts';
export type { MachineDisk } from './export/machine-disk.ts';
export { encodeOverlay, type OverlayOptions } from './export/overlay.ts';
export type { HostDisk, HostPartition } from './host/host-disk.ts';
export type { ReadableFile } from './host/readable-file.ts';
export { compareDisks, type CompareOptions } from './images/compare-disks.ts';
export type { FileInput } from './images/file-input.ts';
export type { DiskInfo, ImageInfo, NamedDiskInfo } from './images/describe-image.ts';
export { imageInfo, type ImageInfoOptions } from './images/image-info.ts';
export type { PackedKind } from './images/image-kind.ts';
export { openImageFile, type OpenFileOptions } from './images/open-image-file.ts';
export type { ImageFiles, OpenImage } from './images/read-image.ts';
export { type Verdict, verifyImageFiles, type VerifyOptions } from './images/verify.ts';
export type {
  Content,
  DiskFacts,
  EspFacts,
  Partition,
  PartitionTable,
  PoolFacts,
} from './inspect/disk-facts.ts';
export { disksIn, type DisksInOptions } from './open/disks-in.ts';
export { openChanges, openSource } from './open/open-source.ts';
export type { BytesOptions } from './open/bytes-source.ts';
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
export { memorySink, type MemorySink, type MemorySinkOptions } from './sinks/memory.ts';
export type { OpenSink } from './sinks/open-sink.ts';
export type { FinishProgress, OnFinishProgress, Sink, Traffic } from './sinks/sink.ts';
export { writableSink, type WritableSinkOptions } from './sinks/writable.ts';
export { type DataExtent, extents, type ExtentsOptions } from './sources/extents.ts';
export type { DiskNumber, OnProgress, Phase, Progress } from './sources/progress.ts';
export { readDisk } from './sources/read-disk.ts';
export type { Extent, OpenSource, Source } from './sources/source.ts';
export type { SentChanges } from './zfs-send/changes.ts';
export {
  describeStream,
  type DescribeOptions,
  type StreamDescription,
} from './zfs-send/describe.ts';
export type { Layer, Piece } from './zfs-send/layer.ts';
export type { SnapshotOptions } from './host/disk-snapshot.ts';
export type { CaptureOptions } from './zfs/live/capture-pool.ts';
export type { DiskExtent } from './live/disk-extents.ts';
export { type LiveDiskOptions, openLiveDisks } from './zfs/live/live-disks.ts';
export type { LivePool, PoolDevice } from './zfs/live/live-pools.ts';
export type { MountedPartition } from './live/mounted-copy.ts';
export { type LiveOptions, type LivePlan, planLiveExport } from './zfs/live/plan.ts';
export type { CopyOptions, DiskPlan, StackedPartition } from './zfs/live/plan-disk.ts';
