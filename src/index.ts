// The library: everything a program needs to export a disk without the command line.

export * from '../formats/index.ts';
export { type CompressorName, COMPRESSORS } from './compress/compressor.ts';
export {
  encode,
  type EncodeOptions,
  type EncodeResult,
  type Identity,
  type Progress,
} from './encode.ts';
export { type ErrorCode, KexportError } from './errors.ts';
export { type Compression, DEFAULT_LEVELS } from './encodings.ts';
export type { ImageResult, Target } from './image.ts';
export type { Failure } from './image-set.ts';
export { compareDisks, type CompareOptions } from './compare-disks.ts';
export { imageInfo, type ImageInfo } from './images/image-info.ts';
export { openImageFile, type OpenFileOptions } from './images/open-file.ts';
export type { ImageFiles, OpenImage } from './images/open-image.ts';
export { type Verdict, verifyImageFiles, type VerifyOptions } from './images/verify.ts';
export { deviceSink } from './sinks/device.ts';
export { fileSink } from './sinks/file.ts';
export type { Sink } from './sinks/sink.ts';
export { streamSink } from './sinks/stream.ts';
export { openSource } from './sources/open.ts';
export type { FromFormat, PackedKind, SourceOptions } from './sources/source-options.ts';
export type { Extent, Source } from './sources/source.ts';
export { byteStream, type ByteStream } from './sources/byte-stream.ts';
export { describeStream, type StreamDescription } from './zfs-send/describe.ts';
