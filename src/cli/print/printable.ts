/**
 * Text of others in one line: names in images, archives and streams, of files, datasets and models
 * of disks. Control characters, which a terminal would execute, line breaks, and what hides or
 * turns text around become question marks. All such text passes through here before it is shown.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
}
