// The options of the command, as far as the page has them, as a form.

import {
  type OptionName,
  longForm,
  MACHINE_OPTIONS,
  OPTIONS,
  OVA_OPTIONS,
  type Options,
} from '../cli/options/options.ts';
import type { Option } from '../cli/options/option.ts';
import { element } from './dom.ts';

const SHOWN: readonly OptionName[] = [
  'from',
  'size',
  'ovaDisk',
  'internalSnapshot',
  'streamVolume',
  'streamSnapshot',
  'allowTruncated',
  'keepGpt',
  'level',
  'optimize',
  'threads',
  'vhdAlign',
  'vhdxFixed',
  'firmware',
  ...MACHINE_OPTIONS,
  ...OVA_OPTIONS,
];

type Field = HTMLInputElement | HTMLSelectElement;

/** A form, and what was entered into it. */
export interface OptionsForm {
  /** The options that were given. Throws an Error about one that is refused, after focusing it. */
  read(): Options;
}

/** Fills an element with a field for each option. */
export function optionsForm(target: HTMLElement): OptionsForm {
  const fields = new Map<OptionName, Field>();
  for (const name of SHOWN) {
    const { [name]: option }: Readonly<Record<OptionName, Option>> = OPTIONS;
    const field = fieldOf(name, option);
    fields.set(name, field);
    target.append(labelled(name, option, field));
  }
  return {
    read: () =>
      Object.fromEntries(
        [...fields].flatMap(([name, field]) => {
          const value = valueOf(name, field);
          return value === undefined ? [] : [[name, value]];
        }),
      ),
  };
}

function fieldOf(name: OptionName, { placeholder, choices, default: standard }: Option): Field {
  const id = `option-${name}`;
  if (placeholder === undefined) return element('input', { id, type: 'checkbox' });
  if (!choices) return element('input', { id, type: 'text', autocomplete: 'off' });
  const first = element(
    'option',
    { value: '' },
    standard === undefined ? '' : `default: ${standard}`,
  );
  return element('select', { id }, first, ...choices.map((each) => element('option', {}, each)));
}

function labelled(name: OptionName, option: Option, field: Field): HTMLElement {
  const { summary, placeholder, choices, default: standard } = option;
  const code = element('code', {}, longForm(name));
  if (placeholder === undefined) {
    return element('div', {}, element('label', { for: field.id }, field, ' ', code, ` ${summary}`));
  }
  const note = standard === undefined || choices ? '' : ` (default: ${standard})`;
  return element('div', {}, element('label', { for: field.id }, code, ` ${summary}${note}`), field);
}

function valueOf(name: OptionName, field: Field): unknown {
  const { [name]: option }: Readonly<Record<OptionName, Option>> = OPTIONS;
  if (field instanceof HTMLInputElement && field.type === 'checkbox') {
    return field.checked ? true : undefined;
  }
  const text = field.value.trim();
  if (text === '') return undefined;
  const value = option.parse(text);
  if (value !== undefined) return value;
  field.closest('details')?.setAttribute('open', '');
  field.focus();
  throw new Error(`${longForm(name)}: "${text}" is not ${option.expects}`);
}
