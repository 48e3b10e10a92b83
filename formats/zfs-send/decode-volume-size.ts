import { viewOf } from '../struct.ts';
import { MICRO_ZAP, RECORD_STRUCTS } from './layout.ts';

/**
 * The size of a volume in bytes, from the first block of its properties: a micro-ZAP
 * (sys/zap_impl.h) with an entry "size", in the byte order of the host that wrote it. Undefined if
 * it is not such a block or has no such entry.
 */
export function decodeVolumeSize(block: Uint8Array): number | undefined {
  if (block.length < RECORD_STRUCTS.little.microZap.size) return undefined;
  const little = viewOf(block).getBigUint64(0, true) === MICRO_ZAP;
  const { microZap, microZapEntry } = RECORD_STRUCTS[little ? 'little' : 'big'];
  if (microZap.decode(block).blockType !== MICRO_ZAP) return undefined;
  const last = block.length - microZapEntry.size;
  for (let at = microZap.size; at <= last; at += microZapEntry.size) {
    const { name, value } = microZapEntry.decode(block.subarray(at));
    if (name === 'size') return Number(value);
  }
  return undefined;
}
