// What the library has everywhere: in Node, index.ts, and in a browser, browser.ts.

export * from '../formats/index.ts';
export type { StreamFacts } from '../formats/zfs-send/index.ts';
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
export type { ReadableFile } from './host/readable-file.ts';
export { compareDisks, type CompareOptions } from './images/compare-disks.ts';
export type {
  DiskInfo,
  ImageContentOptions,
  ImageInfo,
  NamedDiskInfo,
} from './images/describe-image.ts';
export type { FileInput } from './images/file-input.ts';
export type { DataRange } from './sources/data-map.ts';
export type { PackedKind } from './images/image-kind.ts';
export { type Verdict, verifyImageFiles, type VerifyOptions } from './images/verify.ts';
export type { DiskIdentity, VolumeIdentity } from './inspect/disk-identity.ts';
export type { MachineFiles, SshHostKey } from './inspect/machine-files.ts';
export type {
  Content,
  DiskFacts,
  EspFacts,
  Partition,
  PartitionTable,
  PoolFacts,
} from './inspect/disk-facts.ts';
export type { BytesOptions } from './open/bytes-source.ts';
export { memorySink, type MemorySink, type MemorySinkOptions } from './sinks/memory.ts';
export type { OpenSink } from './sinks/open-sink.ts';
export type { FinishProgress, OnFinishProgress, Sink, Traffic } from './sinks/sink.ts';
export { writableSink, type WritableSinkOptions } from './sinks/writable.ts';
export { type DataExtent, extents, type ExtentsOptions } from './sources/extents.ts';
export type { DiskNumber, OnProgress, Phase, Progress } from './sources/progress.ts';
export { readDisk } from './sources/read-disk.ts';
export type { Extent, OpenSource, Source } from './sources/source.ts';
export {
  describeStream,
  type DescribeOptions,
  type StreamDescription,
} from './zfs-send/describe.ts';
