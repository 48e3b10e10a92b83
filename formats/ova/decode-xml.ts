// The XML that OVF needs: elements, attributes, text. An OVF is hostile: the decoder does not
// recurse, knows no entities but the five of XML and characters by number, and refuses a document
// type. Namespaces are dropped with their prefixes.

import type { FormatError } from '../errors.ts';
import { damaged, unsupported } from './faults.ts';

/** An element. Its name and those of its attributes have no prefix. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

type Open = XmlElement & { readonly children: XmlElement[]; text: string };

/** Limit of this program on levels of elements; an OVF has about eight. */
const MAX_DEPTH = 64;

const TAG = /<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Sections that are not elements. */
const SECTIONS = [
  { start: '<!--', end: '-->', isText: false },
  { start: '<![CDATA[', end: ']]>', isText: true },
  { start: '<?', end: '?>', isText: false },
];

/** Decodes a document to its root element. Throws a FormatError if it is not such XML. */
export function decodeXml(text: string): XmlElement {
  const root = element('', new Map());
  const open: Open[] = [root];
  for (let at = 0; at < text.length;) {
    const section = SECTIONS.find(({ start }) => text.startsWith(start, at));
    if (section) at = addSection(text, at, section, open);
    else if (text[at] === '<') at = addTag(text, at, open);
    else at = addText(text, at, open);
  }
  const [found, ...others] = root.children;
  if (open.length > 1) throw notXml(`the element ${open.at(-1)!.name} has no end tag`);
  if (!found || others.length > 0) throw notXml('it must have one root element');
  return found;
}

function addSection(
  text: string,
  at: number,
  { start, end, isText }: (typeof SECTIONS)[number],
  open: readonly Open[],
): number {
  const stop = text.indexOf(end, at + start.length);
  if (stop === -1) throw notXml(`there is no ${end} after ${start}`);
  if (isText) open.at(-1)!.text += text.slice(at + start.length, stop);
  return stop + end.length;
}

function addText(text: string, at: number, open: readonly Open[]): number {
  const next = text.indexOf('<', at);
  const end = next === -1 ? text.length : next;
  open.at(-1)!.text += unescapeXml(text.slice(at, end));
  return end;
}

function addTag(text: string, at: number, open: Open[]): number {
  TAG.lastIndex = at;
  const [all, closing, qualified, attributes, selfClosing] = TAG.exec(text) ?? [];
  if (all === undefined) throw notXml(`wrong tag ${JSON.stringify(text.slice(at, at + 40))}`);
  const name = localName(qualified!);
  if (closing) {
    if (open.length === 1 || open.pop()!.name !== name) throw notXml(`wrong end tag ${name}`);
    return at + all.length;
  }
  const found = element(name, attributesOf(attributes!));
  open.at(-1)!.children.push(found);
  if (!selfClosing) open.push(found);
  if (open.length > MAX_DEPTH) {
    throw unsupported(`the OVF has more than ${MAX_DEPTH} levels of elements`);
  }
  return at + all.length;
}

function element(name: string, attributes: ReadonlyMap<string, string>): Open {
  return { name, attributes, children: [], text: '' };
}

function attributesOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    found.set(localName(name!), unescapeXml(double ?? single!));
  }
  return found;
}

function localName(qualified: string): string {
  return qualified.slice(qualified.indexOf(':') + 1);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&([^;&]{0,20});?/g, (all, name: string) => {
    const [, hexadecimal, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? [];
    const code = hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : ENTITIES[name];
    if (character === undefined || !all.endsWith(';')) throw notXml(`unknown entity ${all}`);
    return character;
  });
}

function notXml(what: string): FormatError {
  return damaged(`the OVF cannot be read as XML: ${what}`);
}
