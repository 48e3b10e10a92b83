import { printable } from '../cli/print/printable.ts';

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** Makes an element of HTML. An attribute that is true has no value; false and undefined: none. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  setAttributes(made, attributes);
  made.append(...content);
  return made;
}

/** The same of SVG. */
export function drawing<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...content: readonly Node[]
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  setAttributes(made, attributes);
  made.append(...content);
  return made;
}

function setAttributes(target: Element, attributes: Attributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    target.setAttribute(key, value === true ? '' : value);
  }
}

/** The element of index.html with that id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** The same of a field. */
export function inputById(id: string): HTMLInputElement {
  return byId(id) as HTMLInputElement;
}

/** Facts as a list of definitions. */
export function factList(lines: readonly (readonly [string, string])[]): HTMLElement {
  const terms = lines.flatMap(([key, value]) => [
    element('dt', {}, printable(key.trim())),
    element('dd', {}, printable(value)),
  ]);
  return element('dl', {}, ...terms);
}
