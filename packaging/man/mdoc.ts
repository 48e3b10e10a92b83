// Text as lines of mdoc, the language of manual pages: mdoc(7).

const WIDTH = 78; // of the source; mandoc finds fault with more than 80

/** Punctuation that a macro leaves outside of what it marks. */
const CLOSING = /^(.*?)([.,;:?!)\]]*)$/;

/**
 * Text as lines, each of one sentence at most. `code` is as in Markdown; options, and other pages as
 * in zfs(8), are marked without it.
 */
export function textLines(text: string): string[] {
  const lines: string[] = [];
  let isOpen = false; // the last line takes more words
  for (const word of text.match(/`[^`]*`\S*|\S+/g) ?? []) {
    const macro = macroLine(word);
    const last = lines.at(-1);
    if (macro !== undefined) lines.push(macro);
    else if (isOpen && last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${escaped(word)}`;
    else lines.push(atStart(escaped(word)));
    isOpen = macro === undefined && !/[.?!]$/.test(word);
  }
  return lines;
}

/** Paragraphs, divided by `.Pp`. */
export function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => (index > 0 ? ['.Pp'] : []).concat(textLines(text)));
}

/** A section, which is left out if nothing is in it. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [`.Sh ${title.toUpperCase()}`, ...lines] : [];
}

/** A list of terms, each the arguments of an `.It`, with their meanings. */
export function tagList(rows: readonly (readonly [term: string, text: string])[]): string[] {
  if (rows.length === 0) return [];
  const items = rows.flatMap(([term, text]) => [`.It ${term}`, ...textLines(text)]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

/** A command as it is typed, in lines of its own. */
export function display(code: string): string[] {
  const lines = code.split('\n').map((line) => atStart(literal(line)));
  return ['.Bd -literal -offset indent', ...lines, '.Ed'];
}

/** Words that are typed as they stand, as arguments of a macro. */
export function asArguments(text: string): string {
  const words = text.split(' ').map(literal);
  return words
    .map((word) => (/^([A-Z][a-z\d]{1,2}|\W)$/.test(word) ? `\\&${word}` : word))
    .join(' ');
}

/** The macro for a word that is more than text; undefined if it is not. */
function macroLine(word: string): string | undefined {
  const [, body = '', closing = ''] = CLOSING.exec(word) ?? [];
  const end = closing.replace(/./g, ' $&');
  const page = /^([a-z][\w-]*)\((\d)$/.exec(body);
  if (page) return `.Xr ${page[1] ?? ''} ${page[2] ?? ''}${end.replace(' )', '')}`;
  const code = /^`([^`]*)`$/.exec(body)?.[1];
  if (code === undefined && body.includes('`')) throw new Error(`${word} is not a word of code`);
  const marked = code ?? body;
  if (/^--?[a-z][a-z-]*$/.test(marked)) return `.Fl ${marked.slice(1)}${end}`;
  if (code === undefined) return undefined;
  return /^[A-Z]+$/.test(code) ? `.Ar ${code}${end}` : `.Ql ${asArguments(code)}${end}`;
}

/** The signs of what is typed, which some printers make nicer: the quotes, for example. */
function literal(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti');
}

function escaped(text: string): string {
  return text === '-' ? '\\-' : text.replaceAll('\\', '\\e');
}

/** A line that begins with a point or a quote would be a macro. */
function atStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
