// How a tar archive of ustar headers is damaged: fields of its headers, with the right checksum;
// members that come, go and change places; extended headers of pax and GNU.

import { CHECKSUM_AT, CHECKSUM_END, TAR_BLOCK, TAR_END } from '../../../formats/tar/layout.ts';
import { type Mutation, ODD_TEXT } from '../mutations.ts';
import type { Random } from '../random.ts';

/** A member of an archive; `joined` writes its size and checksum. */
export interface Member {
  readonly name: string;
  readonly header: Buffer;
  readonly data: Buffer;
  /** What the size field says, if it is not the size of the data. */
  readonly size?: Buffer;
}

/** A change to the members of an archive. */
export type TarChange = (members: readonly Member[], random: Random) => readonly Member[];

// POSIX, pax, "ustar Header Block": offset and length of each field.
type Field = readonly [at: number, length: number];
const FIELDS: readonly Field[] = [
  [0, 100], // name
  [100, 8], // mode
  [136, 12], // mtime
  [156, 1], // typeflag
  [157, 100], // linkname
  [257, 8], // magic
  [345, 155], // prefix; in GNU's sparse files the map
  [386, 24],
  [482, 1], // isextended of a sparse file
  [483, 12], // its real size
];
const SIZE: Field = [124, 12];
const TYPEFLAG: Field = [156, 1];
const CHECKSUM: Field = [CHECKSUM_AT, CHECKSUM_END - CHECKSUM_AT];

const ODD_FIELDS = [
  ...[
    '0',
    '1',
    '5',
    '7',
    'x',
    'g',
    'L',
    'K',
    'S',
    'V',
    'ustar  \0',
    'ustar\x0000',
    '\xff'.repeat(12),
  ],
  ...['00000000000', '77777777777', '00000001000', '\x80'.padEnd(11, '\0') + '\x01'],
];

/** Makes one of these changes to an archive, whose headers get their checksums again. */
export function tarMutation(changes: readonly TarChange[]): Mutation {
  return (image, random) => {
    image.replace(joined(random.pick(changes)(split(image.bytes), random)));
  };
}

/** Changes to any archive. */
export const TAR_CHANGES: readonly TarChange[] = [changeField, changeSize, changeOrder, addHeader];

/** The members of an archive, up to the first header that is damaged. */
export function split(image: Buffer): readonly Member[] {
  const members: Member[] = [];
  for (let at = 0; at + TAR_BLOCK <= image.length && image[at] !== 0;) {
    const header = image.subarray(at, at + TAR_BLOCK);
    const size = Number.parseInt(header.toString('latin1', SIZE[0], SIZE[0] + SIZE[1]), 8);
    if (!Number.isSafeInteger(size)) break;
    const start = at + TAR_BLOCK;
    const name = header.toString('latin1', 0, 100).replace(/\0.*/s, '');
    members.push({ name, header, data: image.subarray(start, start + size) });
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  return members;
}

/** An archive of these members. */
export function joined(members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ header, data, size }) => {
    const padding = Buffer.alloc((TAR_BLOCK - (data.length % TAR_BLOCK)) % TAR_BLOCK);
    const octal = `${data.length.toString(8).padStart(SIZE[1] - 1, '0')}\0`;
    const sized = withField(header, SIZE, size ?? Buffer.from(octal, 'latin1'));
    const open = withField(sized, CHECKSUM, Buffer.alloc(CHECKSUM[1], ' '));
    const sum = open.reduce((total, byte) => total + byte, 0);
    const text = `${sum.toString(8).padStart(6, '0')}\0 `;
    return [withField(open, CHECKSUM, Buffer.from(text, 'latin1')), data, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(TAR_END)]);
}

function withField(header: Buffer, [at, length]: Field, value: Buffer): Buffer {
  const changed = Buffer.from(header);
  changed.fill(0, at, at + length);
  value.copy(changed, at, 0, Math.min(length, value.length));
  return changed;
}

/** Changes a random member of those that there are. */
export function changeOne(
  members: readonly Member[],
  random: Random,
  change: (member: Member) => Member,
): readonly Member[] {
  if (members.length === 0) return members;
  const index = random.below(members.length);
  return members.map((member, i) => (i === index ? change(member) : member));
}

function oddText(members: readonly Member[], random: Random): string {
  return random.pick([...members.map(({ name }) => name), ...ODD_TEXT, ...ODD_FIELDS]);
}

function changeField(members: readonly Member[], random: Random): readonly Member[] {
  const field = random.pick(FIELDS);
  const text = Buffer.from(oddText(members, random), 'latin1');
  return changeOne(members, random, (member) => ({
    ...member,
    header: withField(member.header, field, text),
  }));
}

/** A size in octal, in base 256, or in text that is not a number. */
function changeSize(members: readonly Member[], random: Random): readonly Member[] {
  const number = 2n ** BigInt(random.below(65)) + BigInt(random.below(3) - 1);
  const wide = Buffer.alloc(12);
  wide.writeUInt8(0x80);
  wide.writeBigUInt64BE(BigInt.asUintN(64, number), 4);
  const size = random.pick([
    Buffer.from(number.toString(8).slice(-12)),
    Buffer.from(random.below(8192).toString(8)),
    wide,
    Buffer.from(oddText(members, random), 'latin1'),
  ]);
  return changeOne(members, random, (member) => ({ ...member, size }));
}

function changeOrder(members: readonly Member[], random: Random): readonly Member[] {
  if (members.length === 0) return members;
  const rest = [...members];
  const [moved] = rest.splice(random.below(members.length), 1);
  if (!moved) return members;
  // Many copies only of small members: the memory counts as the reader's.
  const copies = Math.min(random.pick([0, 1, 1, 2, 3, 50]), moved.data.length < 65_536 ? 50 : 2);
  rest.splice(random.below(members.length), 0, ...Array<Member>(copies).fill(moved));
  return rest;
}

/** Puts a header of pax or GNU tar before a member. */
function addHeader(members: readonly Member[], random: Random): readonly Member[] {
  const records = Array.from({ length: random.below(4) }, () => {
    const key = random.pick(['path', 'size', 'linkpath', 'x', 'GNU.sparse.major']);
    const number = String(2n ** BigInt(random.below(65)));
    const value = key === 'size' ? number : oddText(members, random);
    const length = key.length + value.length + random.below(7);
    return `${length + String(length + 2).length} ${key}=${value}\n`;
  });
  const text = random.below(3) === 0 ? oddText(members, random) : records.join('');
  const model = members[0]?.header ?? Buffer.alloc(TAR_BLOCK);
  const flag = Buffer.from(random.pick(['x', 'g', 'L', 'K']));
  const header = withField(model, TYPEFLAG, flag);
  const added: Member = { name: '', header, data: Buffer.from(text, 'latin1') };
  return members.toSpliced(random.below(members.length + 1), 0, added);
}
