import { GPT_TYPE_NAMES } from './gpt-type-names.ts';
import { MBR_TYPE_NAMES } from './mbr-type-names.ts';

/** A partition type in words, such as "Linux filesystem"; undefined if it is not a known one. */
export function typeName(type: string): string | undefined {
  return type.startsWith('0x') ? MBR_TYPE_NAMES[Number(type)] : GPT_TYPE_NAMES[type];
}
