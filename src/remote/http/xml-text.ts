/** The text of the first element of that name in a short XML document; undefined without one. */
export function xmlText(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(xml) ?? [];
  return text?.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, decoded);
}

/** A character by its number, or by a name that XML itself has. */
function decoded(reference: string, decimal = '', hex = '', name = ''): string {
  const code = name === '' ? parseInt(decimal || hex, decimal ? 10 : 16) : NaN;
  return code <= 0x10ffff ? String.fromCodePoint(code) : (ENTITIES[name] ?? reference);
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
};

/** Text as it is written into an element. */
export function xmlEscaped(text: string): string {
  return text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
}
