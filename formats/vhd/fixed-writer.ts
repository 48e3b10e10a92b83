// Writes a fixed VHD, front to back:
//   the disk    as the raw format writes it
//   footer      the last sector

import type { FormatWriter, WriteRequest } from '../contract.ts';
import { rawWriter } from '../raw.ts';
import { encodeFooter } from './encode-footer.ts';
import { FIXED } from './layout.ts';

export function fixedWriter({ disk, output }: WriteRequest): FormatWriter {
  const data = rawWriter(output);
  return {
    add: (block) => data.add(block),
    finish(diskSize) {
      data.finish(diskSize);
      output.append(encodeFooter(disk, { diskType: FIXED, diskSize }));
    },
  };
}
