import {
  type Format,
  type FormatName,
  FORMATS,
  ova,
  type OvaOptions,
  vhd,
  type VhdOptions,
  vhdx,
} from '../../formats/index.ts';

/** What the command line says of the formats themselves. */
export interface FormatOptions extends Omit<OvaOptions, 'profile'> {
  readonly ovfProfile?: OvaOptions['profile'];
  readonly vhdAlign?: VhdOptions['align'];
  readonly vhdxFixed?: boolean;
}

/** Makes a format as the command line wants it. Throws a FormatError for what it cannot be. */
export function createFormat(name: FormatName, options: FormatOptions): Format {
  if (name === 'vhd') return vhd({ align: options.vhdAlign });
  if (name === 'vhdx') return vhdx({ fixed: options.vhdxFixed });
  if (name === 'ova') return ova({ ...options, profile: options.ovfProfile });
  return FORMATS[name]();
}
