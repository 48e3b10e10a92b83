import { host } from '#host';
import { constants } from 'node:fs';
import zlib from 'node:zlib';
import { defaultCompressor } from '../../compress/open-compressor.ts';
import { hasZstd } from '../../compress/zstd.ts';
import { zfs } from '../../zfs/run.ts';

const ZFS_TIMEOUT = 5000; // milliseconds

/** The answer of --version: the version, what it runs on, and what of that it can use. */
export async function versionText(program: string): Promise<string> {
  const features = Object.entries({
    zstd: hasZstd(zlib),
    WebAssembly: defaultCompressor() === 'wasm',
    O_DIRECT: 'O_DIRECT' in constants,
  }).map(([name, has]) => `${name} ${has ? 'yes' : 'no'}`);
  return [
    `${program} ${host.version()}\n`,
    `Node ${process.version}, ${await zfsVersion()}\n`,
    `${features.join(', ')}\n`,
  ].join('');
}

async function zfsVersion(): Promise<string> {
  const signal = AbortSignal.timeout(ZFS_TIMEOUT);
  const lines = await zfs(['version'], { signal }).catch((): string[] => []);
  const [version] = /\d\S*/.exec(lines.join('\n')) ?? [];
  return version === undefined ? 'no OpenZFS' : `OpenZFS ${version}`;
}
