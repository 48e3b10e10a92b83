import type { Packing } from '../../formats/contract.ts'; // not the registry: workers load this
import { inflater } from './inflate.ts';
import { unpackZstd } from './zstd.ts';

/** A packed stream that is not what the image says it is; the message is a clause about the stream. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
}

/**
 * Unpacks one stream: exactly as much as `output` takes, whatever follows the stream in `packed`. Throws an UnpackError if
 * it gives less or more, or is damaged; `output` may then hold anything, and nothing is written past it.
 */
export type Unpacker = (packed: Uint8Array, output: Uint8Array) => void;

/** One unpacker for each kind of stream, with state of its own, made when it is first needed. */
export function unpackers(): (kind: Packing) => Unpacker {
  const made = new Map<Packing, Unpacker>();
  return (kind) => {
    const unpack = made.get(kind) ?? make(kind);
    made.set(kind, unpack);
    return unpack;
  };
}

function make(kind: Packing): Unpacker {
  return kind === 'zstd' ? unpackZstd : inflater(kind);
}
