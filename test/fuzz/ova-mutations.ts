// How an OVA is damaged: fields of its headers, with the right checksum; members that come, go and
// change places; the XML of the OVF; the lines of the manifest; the images in it.

import fc from 'fast-check';
import { TAR_BLOCK, TAR_END } from '../../formats/tar/layout.ts';
import { mutationsOf, oddNumbers } from './mutations.ts';

interface Member {
  /** `join` writes its size and checksum. */
  readonly header: Buffer;
  readonly data: Buffer;
  /** What the size field says, if it is not the size of the data. */
  readonly size?: Buffer;
}

type Change = (members: readonly Member[]) => readonly Member[];

// POSIX, pax, "ustar Header Block": offset and length of each field.
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  mtime: [136, 12],
  typeflag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;

/** Up to four changes to an archive of ustar headers. */
export function ovaMutations(image: Buffer): fc.Arbitrary<(image: Buffer) => Buffer> {
  const members = split(image);
  const one = fc.oneof(
    fieldOf(members),
    sizeOf(members, image),
    orderOf(members),
    extensionOf(members, image),
    { arbitrary: textOf(members, image), weight: 6 },
    innerOf(members),
  );
  return fc
    .array(one, { minLength: 1, maxLength: 4 })
    .map((all) => () => join(all.reduce((changed, change) => change(changed), members)));
}

function split(image: Buffer): readonly Member[] {
  const members: Member[] = [];
  for (let at = 0; image[at] !== 0;) {
    const header = image.subarray(at, at + TAR_BLOCK);
    const size = Number.parseInt(header.toString('latin1', SIZE[0], SIZE[0] + SIZE[1]), 8);
    const start = at + TAR_BLOCK;
    members.push({ header, data: image.subarray(start, start + size) });
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  return members;
}

function join(members: readonly Member[]): Buffer {
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

function withField(header: Buffer, [at, length]: readonly [number, number], value: Buffer): Buffer {
  const changed = Buffer.from(header);
  changed.fill(0, at, at + length);
  value.copy(changed, at, 0, Math.min(length, value.length));
  return changed;
}

/** Changes the member of that number, modulo how many there are. */
function changing(number: number, change: (member: Member) => Member): Change {
  return (members) =>
    members.map((each, i) => (i === number % members.length ? change(each) : each));
}

function oddText(members: readonly Member[]): fc.Arbitrary<string> {
  const names = members.map(({ header }) => header.toString('latin1', 0, 100).replace(/\0.*/s, ''));
  const odd = ['', '.', '..', '/', '../x.vmdk', '/etc/passwd', './x.ovf', 'x.mf', 'x'.repeat(300)];
  const flags = [
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
    '\xff\xff\xff\xff',
  ];
  return fc.oneof(fc.constantFrom(...names, ...odd, ...flags), fc.string({ maxLength: 120 }));
}

function fieldOf(members: readonly Member[]): fc.Arbitrary<Change> {
  const field = fc.constantFrom(...Object.values(FIELDS));
  return fc
    .record({ number: fc.nat(9), field, text: oddText(members) })
    .map(({ number, field, text }) =>
      changing(number, (member) => ({
        ...member,
        header: withField(member.header, field, Buffer.from(text, 'latin1')),
      })),
    );
}

/** A size in octal, in base 256, or in text that is not a number. */
function sizeOf(members: readonly Member[], image: Buffer): fc.Arbitrary<Change> {
  const octal = oddNumbers(image).map((value) => Buffer.from(value.toString(8).slice(-12)));
  const base256 = oddNumbers(image).map((value) => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt8(0x80);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, value), 4);
    return bytes;
  });
  const noNumber = oddText(members).map((text) => Buffer.from(text, 'latin1'));
  return fc
    .record({ number: fc.nat(9), size: fc.oneof(octal, base256, noNumber) })
    .map(({ number, size }) => changing(number, (member) => ({ ...member, size })));
}

function orderOf(members: readonly Member[]): fc.Arbitrary<Change> {
  const count = members.length;
  const copies = fc.constantFrom(0, 0, 2, 3, 50);
  return fc
    .record({ from: fc.nat(count - 1), to: fc.nat(count - 1), copies })
    .map(({ from, to, copies }) => (given) => {
      const rest = [...given];
      const moved = rest.splice(from, 1);
      // Many copies only of small members: the memory counts as the reader's.
      const times = (moved[0]?.data.length ?? 0) < 65_536 ? copies : Math.min(copies, 2);
      rest.splice(to, 0, ...Array.from({ length: times }, () => moved).flat());
      return copies === 0 && from !== to ? rest.toSpliced(to, 0, ...moved) : rest;
    });
}

/** Puts a header of pax or GNU tar before a member. */
function extensionOf(members: readonly Member[], image: Buffer): fc.Arbitrary<Change> {
  const text = oddText(members);
  const record = fc
    .record({
      key: fc.constantFrom('path', 'size', 'linkpath', 'x'),
      text,
      number: oddNumbers(image),
      slip: fc.integer({ min: -3, max: 3 }),
    })
    .map(({ key, text, number, slip }) => {
      const value = key === 'size' ? String(number) : text;
      const length = key.length + value.length + 3 + slip;
      return `${length + String(length + 2).length} ${key}=${value}\n`;
    });
  const data = fc.oneof(
    fc.array(record, { maxLength: 4 }).map((all) => all.join('')),
    text,
  );
  return fc
    .record({ at: fc.nat(9), flag: fc.constantFrom('x', 'g', 'L', 'K'), data })
    .map(({ at, flag, data }) => (given) => {
      const place = at % (given.length + 1);
      const model = given[0]?.header ?? Buffer.alloc(TAR_BLOCK);
      const header = withField(model, FIELDS.typeflag, Buffer.from(flag));
      return [
        ...given.slice(0, place),
        { header, data: Buffer.from(data, 'latin1') },
        ...given.slice(place),
      ];
    });
}

const XML = [
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '<',
  '>',
  '"',
  '&',
  '&#x110000;',
  '&#0;',
  '&a;',
  '<a '.repeat(20),
  '<a>'.repeat(100),
  '<a/>'.repeat(2000),
  '<Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="x"/>'.repeat(1001),
  '<File ovf:id="file1" ovf:href="golden-disk.vmdk" ovf:chunkSize="1"/>',
  ' ovf:compression="gzip"',
  ' ovf:parentRef="vmdisk1"',
  ' '.repeat(3000),
  'x=1 '.repeat(500),
  `SHA1(${')='.repeat(500)}`,
];

/** Changes the text of the OVF or the manifest: a value in quotes, an element, or anywhere. */
function textOf(members: readonly Member[], image: Buffer): fc.Arbitrary<Change> {
  const value = fc.oneof(oddText(members), oddNumbers(image).map(String), fc.constantFrom(...XML));
  const how = fc.constantFrom('value', 'insert', 'cut', 'repeat', 'element');
  return fc
    .record({ manifest: fc.boolean(), how, at: fc.nat(2 ** 20), length: fc.nat(300), value })
    .map(
      (change) => (given) =>
        given.map((member) => {
          const name = member.header.toString('latin1', 0, 100);
          if (!name.includes(change.manifest ? '.mf' : '.ovf')) return member;
          const text = member.data.toString('latin1');
          return { ...member, data: Buffer.from(changedText(text, change), 'latin1') };
        }),
    );
}

interface TextChange {
  readonly how: string;
  readonly at: number;
  readonly length: number;
  readonly value: string;
}

function changedText(text: string, { how, at, length, value }: TextChange): string {
  const place = at % (text.length + 1);
  const [before, after] = [text.slice(0, place), text.slice(place)];
  switch (how) {
    case 'value': // that of the next attribute
      return before + after.replace(/"[^"]*"/, () => `"${value}"`);
    case 'element': // the name of the next one
      return before + after.replace(/<(\/?)[\w:]+/, (_, slash: string) => `<${slash}${value}`);
    case 'cut':
      return before + after.slice(length);
    case 'repeat':
      return before + after.slice(0, length).repeat(1 + (length % 40)) + after;
    default:
      return before + value + after;
  }
}

/** Damages an image in the archive as one by itself. */
function innerOf(members: readonly Member[]): fc.Arbitrary<Change> {
  const images = members.flatMap(({ header, data }, number) => {
    const [, kind] = /\.(vmdk|vhd)/.exec(header.toString('latin1', 0, 100)) ?? [];
    if (kind === undefined) return [];
    return [
      mutationsOf(kind === 'vhd' ? 'vhd-dynamic' : 'vmdk', data).map((mutate) =>
        changing(number, (member) => ({ ...member, data: mutate(member.data) })),
      ),
    ];
  });
  return fc.oneof(...images);
}
