// Frames of Zstandard that are made without compressing anything. Specification: RFC 8878, section
// 3.1.1. All numbers are little-endian.

/** Of the zstd program. */
export const DEFAULT_ZSTD_LEVEL = 3;

/** "Magic_Number", 4 bytes. */
export const MAGIC = 0xfd2fb528;

/** "Frame_Header_Descriptor": the frame is one segment, and its size follows in 4 bytes. */
export const SIZED_SEGMENT = 0xa0;
/** The same: a "Window_Descriptor" follows, and no size. */
export const WINDOWED = 0x00;
/** "Window_Descriptor" of 128 KiB. */
export const WINDOW_128_KIB = 0x38;

/** "Block_Maximum_Size" of that window, and of the format. */
export const MAX_BLOCK = 2 ** 17;

/** "Block_Header", 3 bytes: bit 0 marks the last block of a frame, then the type, then the size. */
export const BLOCK_HEADER_SIZE = 3;
export const LAST_BLOCK = 1;
export const RAW_BLOCK = 0 << 1;
/** One byte that stands for `Block_Size` of the same. */
export const RLE_BLOCK = 1 << 1;
export const BLOCK_SIZE_SHIFT = 3;
