import zlib from 'node:zlib';

/** Whether the Node that runs the tests has zstd, as 22.15 and newer have. */
export const HAS_ZSTD = 'createZstdCompress' in zlib;
