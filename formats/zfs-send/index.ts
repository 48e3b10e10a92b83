export { CHECKSUM_SIZE, fletcher4, type RunningChecksum } from './fletcher4.ts';
export type { PackagedDataset, PackageFacts } from './package.ts';
export {
  type SendStream,
  sendStream,
  type SendStreamEvent,
  type SendStreamOptions,
  type StreamChoice,
} from './send-stream.ts';
export {
  checkReadable,
  featureNames,
  type RefusalReason,
  type StreamFacts,
  streamFacts,
  StreamRefusal,
} from './stream-facts.ts';
export { compressionName, type Unpack, type Unpackers } from './unpack.ts';
export {
  type VolumeEvent,
  volumeEvents,
  type VolumeFree,
  type VolumeWrite,
} from './volume-events.ts';
export { type RecordReader, recordReader, type StreamRecord } from './records.ts';
