import { type Format, FORMATS, SECTOR_SIZE } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { chooseEncodings } from '../../export/encodings.ts';
import { sizeMultiple } from '../../export/prepare-source.ts';
import {
  longForm,
  MACHINE_OPTIONS,
  OVA_OPTIONS,
  type OptionName,
  type Options,
} from '../options/options.ts';
import { isRawDisk } from './is-raw-disk.ts';
import { isZippable } from './is-zippable.ts';

/** Options that have an effect only with some formats. */
interface Rule {
  readonly options: readonly OptionName[];
  /** What they need. */
  readonly needs: string;
  readonly isMet: (formats: readonly Format[], options: Options, imageCount: number) => boolean;
}

const RULES: readonly Rule[] = [
  {
    options: ['vhdAlign'],
    needs: 'the format vhd',
    isMet: (formats) => has(formats, 'vhd'),
  },
  {
    options: ['vhdxFixed'],
    needs: 'the format vhdx',
    isMet: (formats) => has(formats, 'vhdx'),
  },
  ...MACHINE_OPTIONS.map((name) => ({
    options: [name],
    needs: `the format of a machine: ${namesOf(({ machineOptions }) => machineOptions?.includes(name) === true)}`,
    isMet: (formats: readonly Format[]) =>
      formats.some(({ machineOptions }) => machineOptions?.includes(name) === true),
  })),
  {
    options: OVA_OPTIONS,
    needs: 'the format ova',
    isMet: (formats) => has(formats, 'ova'),
  },
  {
    options: ['zip'],
    needs: 'the format raw or vhd: the others are compressed',
    isMet: (formats) => formats.some(isZippable),
  },
  {
    options: ['bmap'],
    needs: 'the format raw, raw.gz or raw.zst',
    isMet: (formats) => formats.some(isRawDisk),
  },
  {
    options: ['compression', 'level'],
    needs: `a compressed format: ${namesOf((format) => format.encoding({ level: 6 }) !== undefined)}`,
    isMet: (formats, options) => options.zip === true || isCompressed(formats, options),
  },
  {
    options: ['optimize', 'compressor'],
    needs: 'a format that is compressed with zlib',
    isMet: (formats, options) => isCompressed(formats, options, 'zlib'),
  },
  {
    options: ['keepGpt'],
    needs: `a format that rounds the disk up: ${namesOf(({ sizeMultiple: unit }) => unit > SECTOR_SIZE)}`,
    isMet: (formats) => sizeMultiple(formats) > SECTOR_SIZE,
  },
  {
    options: ['keepGoing'],
    needs: 'more than one image',
    isMet: (_formats, _options, imageCount) => imageCount > 1,
  },
];

/** Throws a KexportError for an option that has no effect on any of the formats. */
export function checkEffect(
  formats: readonly Format[],
  imageCount: number,
  options: Options,
): void {
  for (const { options: names, needs, isMet } of RULES) {
    const given = names.find((name) => options[name] !== undefined);
    if (given === undefined || isMet(formats, options, imageCount)) continue;
    const list = formats.map(({ name }) => name).join(',');
    throw new KexportError('usage', `${longForm(given)} needs ${needs}`, {
      hint: `it has no effect on ${list}`,
    });
  }
}

/** The formats of which something holds, as a list. */
function namesOf(isMeant: (format: Format) => boolean): string {
  const meant = Object.values(FORMATS)
    .map((create) => create())
    .filter(isMeant);
  return meant
    .map(({ name }) => name)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');
}

function has(formats: readonly Format[], name: string): boolean {
  return formats.some((format) => format.name === name);
}

function isCompressed(formats: readonly Format[], options: Options, kind?: string): boolean {
  const { distinct } = chooseEncodings(formats, options);
  return distinct.some((encoding) => kind === undefined || encoding.kind === kind);
}
