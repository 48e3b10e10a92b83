import type { FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { longForm, type OptionName, type Options } from './options.ts';

/** An option that selects one disk of an image, and the formats that have several. */
interface Choice {
  readonly option: OptionName;
  readonly formats: readonly [FormatName, ...FormatName[]];
  readonly article: string;
  readonly names: RegExp;
}

const CHOICES: readonly Choice[] = [
  {
    option: 'ovaDisk',
    formats: ['ova', 'vma'],
    article: 'an OVA or a VMA',
    names: /\.(ova|ovf|vma)$/i,
  },
  { option: 'internalSnapshot', formats: ['qcow2'], article: 'a qcow2', names: /\.qcow2?$/i },
];

/**
 * Throws a KexportError if an option that selects a disk is given for a file that is not read as an
 * image of its format.
 */
export function checkDiskChoice(path: string, options: Options): void {
  for (const { option, formats, article, names } of CHOICES) {
    if (options[option] === undefined || formats.some((name) => name === options.from)) continue;
    if (options.from === undefined && names.test(path)) continue;
    const what = `${longForm(option)} needs ${article}, and ${path} is not read as one`;
    throw new KexportError('usage', what, {
      hint: `its name ends in .${formats[0]}, or --from ${formats[0]} says so`,
    });
  }
}
