/** A struct of any layout. */
export interface AnyStruct {
  readonly size: number;
  encode(values: Record<string, unknown>): Uint8Array;
  decode(bytes: Uint8Array): Record<string, unknown>;
}

/** A struct, where in an image it may be, and how what it is part of gets its checksum again. */
export interface Place {
  readonly struct: AnyStruct;
  readonly at: (image: Buffer) => readonly number[];
  /** Called when the struct at an offset has been changed; undefined where there is no checksum. */
  readonly seal?: (image: Buffer, offset: number) => void;
}

/** A declared struct as one of any layout. */
export function struct(given: unknown): AnyStruct {
  return given as AnyStruct;
}
