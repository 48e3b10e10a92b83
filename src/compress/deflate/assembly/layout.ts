// Where everything lies in the module's memory, as byte addresses.
//
// A position in the input IS its address: the input starts at 8 and only addresses below 65,536
// enter the hash tables, so that a position fits 16 bits and 0 is free to say "none".

/** Largest input, in bytes. */
export const MAX_INPUT: usize = 65_536;

/**
 * All of it, in bytes: 33 pages, as asconfig.json has it. The last 4 KiB are for what asc itself
 * places.
 */
export const MEMORY_SIZE: usize = 33 << 16;

/** The input, and room behind it for loads of 8 bytes that start inside it. */
export const INPUT: usize = 8;
const INPUT_ROOM: usize = 0x10200;

/** The zlib stream: at most MAX_OUTPUT bytes, and room for stores of 8 bytes. */
export const OUTPUT: usize = INPUT_ROOM;
const OUTPUT_ROOM: usize = 0x11000;

/** u16 per hash: the latest position with that hash of 3 bytes; 0 is none. */
export const HEAD3: usize = OUTPUT + OUTPUT_ROOM;
export const HEAD3_BITS: u32 = 14;
export const HEAD3_SIZE: usize = 2 << HEAD3_BITS;

/** u16 per hash: the latest position with that hash of 4 bytes; 0 is none. */
export const HEAD4: usize = HEAD3 + HEAD3_SIZE;
export const HEAD4_BITS: u32 = 16;
export const HEAD4_SIZE: usize = 2 << HEAD4_BITS;

/** u16 per position: the one before it with the same hash of 4 bytes. */
export const PREVIOUS: usize = HEAD4 + HEAD4_SIZE;
const PREVIOUS_SIZE: usize = 2 << 16;

/**
 * u32 per token: `byte << 16` is a literal, `(MATCH + length) << 16 | distance` a match. What
 * stands above the distance, the token's index, numbers all literals and lengths.
 */
export const TOKENS: usize = PREVIOUS + PREVIOUS_SIZE;
const TOKENS_SIZE: usize = 4 * (MAX_INPUT + 1);
export const MATCH: u32 = 256;

/** Tokens per segment, the unit in which blocks are split. */
export const SEGMENT_TOKENS: usize = 1024;
/** At most this many segments. */
const SEGMENT_COUNT: usize = 66;

/** One u32 per literal or length symbol (288), then one per distance symbol (32). */
export const HISTOGRAM_SYMBOLS: usize = 320;
export const DISTANCE_SYMBOLS: u32 = 288;
export const HISTOGRAM_SIZE: usize = HISTOGRAM_SYMBOLS << 2;

/** A histogram per segment. */
export const HISTOGRAMS: usize = TOKENS + TOKENS_SIZE;

/** A Segment of split.ts each. */
export const SEGMENTS: usize = HISTOGRAMS + SEGMENT_COUNT * HISTOGRAM_SIZE;
export const SEGMENT_SIZE: usize = 32;

/** u16 per number below 4,096: its logarithm, in units of 1/2048 bit. */
export const LOG2: usize = SEGMENTS + SEGMENT_COUNT * SEGMENT_SIZE;
const LOG2_SIZE: usize = 2 << 12;

/** u32 per number below N_LOG2_COUNT: it times its logarithm, in the same units. */
export const N_LOG2: usize = LOG2 + LOG2_SIZE;
export const N_LOG2_COUNT: u32 = 4096;

/** u8 per match length 0 to 258: its length code less 257. */
export const LENGTH_SLOT: usize = N_LOG2 + 4 * N_LOG2_COUNT;
/** u8 per length code less 257: how many extra bits; then u16 each: the shortest length. */
export const LENGTH_EXTRA: usize = LENGTH_SLOT + 264;
export const LENGTH_BASE: usize = LENGTH_EXTRA + 32;

/** u8 per distance: its distance code; 31 for the distance 0 of a literal, which has no bits. */
export const DISTANCE_SLOT: usize = LENGTH_BASE + 64;
/** u8 per distance code: how many extra bits; then u32 each: the shortest distance. */
export const DISTANCE_EXTRA: usize = DISTANCE_SLOT + 32776;
export const DISTANCE_BASE: usize = DISTANCE_EXTRA + 32;

/** u8 per symbol of a histogram: the length of its code in the block at hand; 0 is unused. */
export const CODE_LENGTHS: usize = DISTANCE_BASE + 128;
/** u32 per symbol of a histogram: `bits << 24 | code`, the code's first bit lowest. */
export const CODES: usize = CODE_LENGTHS + HISTOGRAM_SYMBOLS + 64;
/** u32 per index of a token: `bits << 24 | code and extra bits`. */
export const INDEX_CODES: usize = CODES + HISTOGRAM_SIZE;

/** The same two for the fixed codes of RFC 1951, section 3.2.6. */
export const STATIC_CODE_LENGTHS: usize = INDEX_CODES + 4 * 520;

/** The code length alphabet, 19 symbols: u32 frequencies, u8 lengths, u32 codes. */
export const PRECODE_FREQUENCIES: usize = STATIC_CODE_LENGTHS + HISTOGRAM_SYMBOLS;
export const PRECODE_LENGTHS: usize = PRECODE_FREQUENCIES + 4 * 20;
export const PRECODE_CODES: usize = PRECODE_LENGTHS + 24;
/** u8 per entry: the order of RFC 1951, section 3.2.7. */
export const PRECODE_ORDER: usize = PRECODE_CODES + 4 * 20;
/** u16 per item of the run-length coded code lengths: `extra << 8 | symbol`. */
export const PRECODE_ITEMS: usize = PRECODE_ORDER + 24;

/** Scratch of huffman.ts. */
export const SORTED: usize = PRECODE_ITEMS + 2 * 328;
export const SORTED_OTHER: usize = SORTED + 4 * 328;
export const NODES: usize = SORTED_OTHER + 4 * 328;
export const COUNTERS: usize = NODES + 4 * 328;

/**
 * Prices of optimal.ts, u32 in units of 1/2048 bit: per index of a token, then per distance code.
 */
export const INDEX_PRICES: usize = COUNTERS + 4 * 256;
export const DISTANCE_PRICES: usize = INDEX_PRICES + 4 * 520;

/** u32 per position: the price of all that follows. */
export const PRICE_TO_END: usize = DISTANCE_PRICES + 4 * 32;
/** u8 per position: how many matches it has in MATCHES. */
export const MATCH_COUNTS: usize = PRICE_TO_END + 4 * (INPUT + MAX_INPUT + 8);
/** u32 per match, `length << 16 | distance`, position after position. */
export const MATCHES: usize = MATCH_COUNTS + INPUT + MAX_INPUT;
export const MATCHES_END: usize = MEMORY_SIZE - 4096;
