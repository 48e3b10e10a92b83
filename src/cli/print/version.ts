import { host } from '#host';
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { defaultCompressor } from '../../compress/open-compressor.ts';
import { hasZstd } from '../../compress/zstd.ts';

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
  const run = promisify(execFile);
  const output = await run('zfs', ['version'], { timeout: 5000 }).catch(() => ({ stdout: '' }));
  const [version] = /\d\S*/.exec(output.stdout) ?? [];
  return version === undefined ? 'no OpenZFS' : `OpenZFS ${version}`;
}
