import {
  type Format,
  type FormatName,
  FORMATS,
  ova,
  type OvaWriteOptions,
  vhd,
  type VhdOptions,
} from '../../formats/index.ts';

/** What the command line says of the formats themselves. */
export interface FormatOptions extends Omit<OvaWriteOptions, 'profile' | 'archiveDisk'> {
  readonly ovfProfile?: OvaWriteOptions['profile'];
  readonly vhdAlign?: VhdOptions['align'];
}

/** Makes a format as the command line wants it. Throws a FormatError for what it cannot be. */
export function createFormat(name: FormatName, options: FormatOptions): Format {
  if (name === 'vhd') return vhd({ align: options.vhdAlign });
  if (name === 'ova') return ova({ ...options, profile: options.ovfProfile });
  return FORMATS[name]();
}
