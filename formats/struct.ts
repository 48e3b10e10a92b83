// Turns a table of fields into encode and decode. Every on-disk struct of every format is such a
// table, in the order of its specification. A gap, an overlap or a wrong size fails at declaration.

type Value = number | bigint | string | Uint8Array;

/** How a value of the type `T` is stored in a struct. */
export interface FieldType<T extends Value> {
  /** In bytes. */
  readonly size: number;
  /** Encodes a value at an offset of the view. */
  set(view: DataView, offset: number, value: T, littleEndian: boolean): void;
  /** Decodes the value at an offset of the view. */
  get(view: DataView, offset: number, littleEndian: boolean): T;
}

type Table = Readonly<Record<string, readonly [offset: number, type: FieldType<Value>]>>;
type Values<F extends Table> = {
  -readonly [K in keyof F]: F[K][1] extends FieldType<infer T> ? T : never;
};

/** A declared struct; `V` holds the values of its fields. */
export interface Struct<V> {
  /** In bytes. */
  readonly size: number;
  /** Encodes the values into a new buffer of `size` bytes. */
  encode(values: Readonly<V>): Uint8Array;
  /** Decodes the struct that `bytes` begins with. Throws a RangeError if there are too few. */
  decode(bytes: Uint8Array): V;
  /** The same, but each field is decoded on access, so `bytes` must not change. */
  over(bytes: Uint8Array): Readonly<V>;
}

/** Declares a struct of `size` bytes. Throws unless the fields cover it without gap or overlap. */
export function struct<F extends Table>(
  endian: 'big' | 'little',
  size: number,
  fields: F,
): Struct<Values<F>> {
  const little = endian === 'little';
  const entries = Object.entries(fields);
  assertCovered(entries, size);
  const readers = fieldReaders(entries, little);
  return {
    size,
    encode(values) {
      const bytes = new Uint8Array(size);
      const view = viewOf(bytes);
      const given = values as Record<string, Value>;
      for (const [name, [offset, type]] of entries) {
        type.set(view, offset, given[name]!, little); // the type of the table has every name
      }
      return bytes;
    },
    decode(bytes) {
      const view = viewOf(bytes);
      const values: Record<string, Value> = {};
      for (const [name, [offset, type]] of entries) values[name] = type.get(view, offset, little);
      return values as Values<F>;
    },
    over: (bytes) =>
      ({ __proto__: readers, view: viewOf(bytes) }) as unknown as Readonly<Values<F>>,
  };
}

/** A prototype whose getters decode each field from the `view` of the object. */
function fieldReaders(entries: [string, Table[string]][], little: boolean): object {
  const readers = {};
  for (const [name, [offset, type]] of entries) {
    Object.defineProperty(readers, name, {
      get(this: { readonly view: DataView }) {
        return type.get(this.view, offset, little);
      },
    });
  }
  return readers;
}

/** A DataView over exactly the bytes of an array. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function assertCovered(entries: [string, Table[string]][], size: number): void {
  let end = 0;
  for (const [name, [offset, type]] of entries) {
    if (offset !== end) throw new Error(`field ${name} is declared at ${offset}, expected ${end}`);
    end += type.size;
  }
  if (end !== size) throw new Error(`the fields end at ${end}, the struct at ${size}`);
}

/** An unsigned number of 8 bits. */
export const u8: FieldType<number> = {
  size: 1,
  set: (view, offset, value) => view.setUint8(offset, value),
  get: (view, offset) => view.getUint8(offset),
};

/** An unsigned number of 16 bits. */
export const u16: FieldType<number> = {
  size: 2,
  set: (view, offset, value, little) => view.setUint16(offset, value, little),
  get: (view, offset, little) => view.getUint16(offset, little),
};

/** An unsigned number of 32 bits. */
export const u32: FieldType<number> = {
  size: 4,
  set: (view, offset, value, little) => view.setUint32(offset, value, little),
  get: (view, offset, little) => view.getUint32(offset, little),
};

/** An unsigned number of 64 bits. */
export const u64: FieldType<bigint> = {
  size: 8,
  set: (view, offset, value, little) => view.setBigUint64(offset, value, little),
  get: (view, offset, little) => view.getBigUint64(offset, little),
};

/** ASCII text in `size` bytes, padded with NUL. Encoding longer text throws a RangeError. */
export function ascii(size: number): FieldType<string> {
  return {
    size,
    set: (view, offset, value) => {
      if (value.length > size) throw new RangeError(`"${value}" is longer than ${size} bytes`);
      for (let i = 0; i < value.length; i++) view.setUint8(offset + i, value.charCodeAt(i));
    },
    get: (view, offset) => {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, size);
      const end = bytes.indexOf(0);
      return String.fromCharCode(...bytes.subarray(0, end === -1 ? size : end));
    },
  };
}

/** Exactly `size` bytes, copied. Encoding any other number of bytes throws a RangeError. */
export function bytes(size: number): FieldType<Uint8Array> {
  const within = (view: DataView, offset: number) =>
    new Uint8Array(view.buffer, view.byteOffset + offset, size);
  return {
    size,
    set: (view, offset, value) => {
      if (value.length !== size) throw new RangeError(`${value.length} bytes for ${size}`);
      within(view, offset).set(value);
    },
    get: (view, offset) => within(view, offset).slice(),
  };
}
