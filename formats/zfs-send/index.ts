export {
  checkReadable,
  checkUsable,
  featureNames,
  type StreamFacts,
  streamFacts,
} from './decode-begin.ts';
export type { PackagedDataset, PackageFacts } from './decode-package.ts';
export { compressionName, type Decompress, type Decompressors } from './decompress-block.ts';
export { CHECKSUM_SIZE, fletcher4, type RunningChecksum } from './fletcher4.ts';
export { type RecordReader, recordReader, type StreamRecord } from './record-reader.ts';
export { type RefusalReason, StreamRefusal } from './refusal.ts';
export {
  type SendStream,
  sendStream,
  type SendStreamEvent,
  type SendStreamOptions,
  type StreamChoice,
} from './send-stream.ts';
export {
  type VolumeEvent,
  volumeEvents,
  type VolumeFree,
  type VolumeWrite,
} from './volume-events.ts';
