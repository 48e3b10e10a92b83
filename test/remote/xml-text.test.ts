import { expect, test } from 'vitest';
import { xmlText } from '../../src/remote/http/xml-text.ts';

test.each([
  ['<a><ETag>"1-2"</ETag></a>', '"1-2"'],
  ['<ETag xmlns="x">&quot;1&quot;</ETag>', '"1"'],
  ['<ETag>&#34;1&#x22;</ETag>', '"1"'],
  ['<ETag>&lt;&amp;lt;&apos;&gt;</ETag>', "<&lt;'>"],
  ['<ETag>&#x110000;&unknown;</ETag>', '&#x110000;&unknown;'],
  ['<Tag>1</Tag>', undefined],
])('the text in %s is %s', (xml, text) => {
  expect(xmlText(xml, 'ETag')).toBe(text);
});
