// The layout of a top-level vdev by what a label says of its shape.

import { damaged, unsupported } from './faults.ts';
import { draidLayout } from './draid-layout.ts';
import { MAX_DRAID_DEVICES, MIN_DRAID_DEVICES } from './draid-permutations.ts';
import { raidzLayout } from './raidz-layout.ts';
import type { VdevShape } from './vdev-config.ts';
import { mirrorLayout, type VdevLayout } from './vdev-layout.ts';

const MAX_PARITY = 3;

/** Throws a FormatError for a shape that is not known. */
export function layoutOf(shape: VdevShape): VdevLayout {
  const { type, devices, parity, ashift, expansions, draid } = shape;
  const deviceCount = devices.length;
  const isSound = parity >= 1 && parity <= MAX_PARITY && deviceCount - expansions.length > parity;
  switch (type) {
    case 'disk':
    case 'file':
    case 'mirror':
      return mirrorLayout(deviceCount);
    case 'raidz':
      if (!isSound) break;
      return raidzLayout({ deviceCount, parity, ashift, expansions });
    case 'draid': {
      const { data, spares, groups, isKnown } = draid;
      if (!isKnown) throw unsupported('a dRAID with failure groups');
      const columns = deviceCount - spares;
      const isWhole = data >= 1 && groups >= 1 && ((data + parity) * groups) % columns === 0;
      if (!isSound || !isWhole || data + parity > columns) break;
      if (deviceCount < MIN_DRAID_DEVICES || deviceCount > MAX_DRAID_DEVICES) break;
      return draidLayout({ deviceCount, parity, data, spares, groups, ashift });
    }
    default:
      throw unsupported(`a vdev of type ${type}`);
  }
  throw damaged(`the ${type} of ${deviceCount} devices with parity ${parity} cannot be right`);
}
