/** The last second of a Date, in the year 275,760: ECMA-262, "Time Values and Time Range". */
const MAX_SECONDS = 8.64e12;

/** A time in seconds since 1970, UTC, as ISO 8601 writes it; a foreign one may be of any size. */
export function dateText(seconds: number): string {
  return Math.abs(seconds) <= MAX_SECONDS
    ? new Date(seconds * 1000).toISOString()
    : `${seconds} seconds after 1970`;
}
