// The library: everything a program needs to export a disk without the command line.

export * from '../formats/index.ts';
export { type CompressorName, COMPRESSORS } from './compress/compressor.ts';
export { encode, type EncodeOptions, type EncodeResult, type Identity } from './export/encode.ts';
export type { Progress } from './sources/progress.ts';
export type { PackedKind } from './images/image-kind.ts';
export { type ErrorCode, KexportError } from './errors.ts';
export {
  type Compression,
  type CompressionOptions,
  DEFAULT_LEVELS,
  type ZlibCompression,
  type ZlibLevel,
  type ZstdCompression,
  type ZstdLevel,
} from './export/encodings.ts';
export type { ImageResult, Target } from './export/image.ts';
export type { Failure } from './export/image-set.ts';
export { compareDisks, type CompareOptions } from './images/compare-disks.ts';
export { imageInfo, type ImageInfo } from './images/image-info.ts';
export { openImageFile, type OpenFileOptions } from './images/open-image-file.ts';
export type { ImageFiles, OpenImage } from './images/open-image.ts';
export { type Verdict, verifyImageFiles, type VerifyOptions } from './images/verify.ts';
export { deviceSink } from './sinks/device.ts';
export { fileSink } from './sinks/file.ts';
export type { Sink } from './sinks/sink.ts';
export { streamSink } from './sinks/stream.ts';
export { openSource } from './open/open-source.ts';
export type { FromFormat, SourceOptions } from './open/source-options.ts';
export type { Extent, Source } from './sources/source.ts';
export { byteStream, type ByteStream } from './byte-streams/byte-stream.ts';
export { describeStream, type StreamDescription } from './zfs-send/describe.ts';
