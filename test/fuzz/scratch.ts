/**
 * An image that is changed, read and restored: copying MiBs for each input would take longer than
 * reading them.
 */
export interface Scratch {
  /** The image as it is now. Only `edit` makes bytes that may be changed. */
  readonly bytes: Buffer;
  /** Bytes of the image to change, up to its end. */
  edit(offset: number, length: number): Buffer;
  /** Cuts the image off. */
  cut(length: number): void;
  /** Puts another image in its place, which belongs to the scratch from then on. */
  replace(bytes: Buffer): void;
  /** Makes it as it was at first. */
  restore(): void;
}

/** A copy of an image to change. */
export function scratchOf(image: Uint8Array): Scratch {
  const whole = Buffer.from(image);
  const undo: { readonly offset: number; readonly old: Buffer }[] = [];
  let current: Buffer = whole;
  let isReplaced = false;

  return {
    get bytes() {
      return current;
    },
    edit(offset, length) {
      const view = current.subarray(offset, offset + length);
      if (!isReplaced) undo.push({ offset, old: Buffer.from(view) });
      return view;
    },
    cut: (length) => void (current = current.subarray(0, length)),
    replace(bytes) {
      current = bytes;
      isReplaced = true;
    },
    restore() {
      for (const { offset, old } of undo.reverse()) old.copy(whole, offset);
      undo.length = 0;
      current = whole;
      isReplaced = false;
    },
  };
}
