// The library in a browser: what `kexport` is under the condition `browser`. The same as in Node,
// without what needs its files, its devices and its programs.

export * from './library.ts';
export {
  type ByteInput,
  byteStreamFrom,
  type ByteStreamOptions,
} from './byte-streams/byte-stream-from.ts';
export type { RangedImageOptions } from './images/open-ranged-image.ts';
export type { ImageFiles, OpenImage, ReadOptions } from './images/read-image.ts';
export {
  type BrowserBytesOptions,
  type BrowserImageOptions,
  type BrowserInput,
  type BrowserSourceOptions,
  imageInfo,
  openImageFile,
  openSource,
  sourceFrom,
} from './open/open-in-browser.ts';
export type { CommonOptions, FromFormat, OvaChoice, SentChoice } from './open/source-options.ts';
export type { FetchOptions } from './remote/fetch-file.ts';
export {
  type BrowserFile,
  browserFileSink,
  type BrowserFileSinkOptions,
} from './sinks/browser-file.ts';
export { storedSink } from './sinks/stored.ts';
export type { StoredFile, StoredFolder, SyncAccessHandle } from './runtime/web.ts';
