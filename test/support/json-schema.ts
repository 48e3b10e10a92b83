import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { TOP } from './project.ts';

const schema = JSON.parse(readFileSync(join(TOP, 'docs', 'json-schema.json'), 'utf8')) as object;
const ajv = new Ajv({ allErrors: true });
ajv.addSchema(schema, 'kexport');

/** What docs/json-schema.json has against a document of that kind, undefined if nothing. */
export function schemaErrors(kind: string, document: unknown): unknown {
  const valid =
    ajv.validate('kexport', document) && ajv.validate(`kexport#/$defs/${kind}`, document);
  return valid ? undefined : { errors: ajv.errors, document };
}

/** Whether the schema allows the document at all. */
export function isDescribed(document: unknown): boolean {
  return ajv.validate('kexport', document);
}
