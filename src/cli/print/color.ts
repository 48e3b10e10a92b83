// Colors. `styleText` of node:util would do, but Node 20.0 lacks it, and in no version of Node 20
// does it look at the stream.

/** Values of --color. */
export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;

export type ColorChoice = (typeof COLOR_CHOICES)[number];

/** Select Graphic Rendition, ECMA-48: the codes that begin and end a style. */
const STYLES = {
  bold: [1, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
} as const;

export type Style = keyof typeof STYLES;

let choice: ColorChoice = 'auto';

/** Sets what --color says; `auto` until then. */
export function chooseColor(value: ColorChoice): void {
  choice = value;
}

/** The text in a style if the stream takes colors, else as it is. */
export function paint(stream: 'stdout' | 'stderr', style: Style, text: string): string {
  if (!hasColor(process[stream])) return text;
  const [begin, end] = STYLES[style];
  return `\u001b[${begin}m${text}\u001b[${end}m`;
}

function hasColor({ isTTY }: { readonly isTTY?: boolean }): boolean {
  if (choice !== 'auto') return choice === 'always';
  const { NO_COLOR, TERM } = process.env; // https://no-color.org: set and not empty
  return isTTY === true && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
}
