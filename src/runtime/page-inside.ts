// The page for browsers, in a bundle of the command: large, and rarely asked for.

/** The page by brotli, in base64; empty in the library. */
declare const KEXPORT_PAGE: string;

export const PAGE = KEXPORT_PAGE;
