import { FormatError } from '../errors.ts';
import { roundUp } from '../rounding.ts';
import {
  BEGIN,
  MAX_BLOCK_SIZE,
  MAX_EMBEDDED_SIZE,
  OBJECT,
  RECORD_NAMES,
  type RecordStructs,
  SPILL,
  WRITE,
  WRITE_EMBEDDED,
} from './layout.ts';

/** Limit of this program on the list of a package, in bytes: some 100,000 snapshots. */
const MAX_BEGIN_PAYLOAD = 64 * 2 ** 20;

/** Bytes of payload after a record. Throws a FormatError for a length that no record has. */
export function payloadLength(type: number, record: Uint8Array, structs: RecordStructs): number {
  const length = statedLength(type, record, structs);
  const most = type === BEGIN ? MAX_BEGIN_PAYLOAD : MAX_BLOCK_SIZE;
  if (length <= most && length % 4 === 0) return length;
  const kind = type === BEGIN && length > most ? 'unsupported' : 'damaged';
  const found = `is a ${String(RECORD_NAMES[type])} record with a payload of ${length} bytes`;
  throw new FormatError(kind, `${found}, expected a multiple of 4 up to ${most}`);
}

function statedLength(type: number, record: Uint8Array, structs: RecordStructs): number {
  if (type === BEGIN) return structs.begin.over(record).payloadLength;
  if (type === OBJECT) {
    const { bonusLength, rawBonusLength } = structs.object.over(record);
    return rawBonusLength === 0 ? roundUp(bonusLength, 8) : rawBonusLength;
  }
  if (type === WRITE) {
    const { compression, compressedSize, logicalSize } = structs.write.over(record);
    return Number(compression === 0 ? logicalSize : compressedSize);
  }
  if (type === SPILL) {
    const { compressedSize, length } = structs.spill.over(record);
    return Number(compressedSize === 0n ? length : compressedSize);
  }
  if (type === WRITE_EMBEDDED) {
    const { compressedSize } = structs.writeEmbedded.over(record);
    return compressedSize > MAX_EMBEDDED_SIZE ? Infinity : roundUp(compressedSize, 8);
  }
  return 0;
}
