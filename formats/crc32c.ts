import { crcOf } from './crc.ts';

/** CRC-32C (RFC 3720, appendix B.4) of some bytes, an unsigned number. */
export const crc32c = crcOf(0x82f6_3b78);
