// Keys, signatures and tokens that this process has seen. Services repeat what they were sent in
// their errors, so every text of theirs passes through here.

/** Shorter ones would match by accident. */
const MIN_LENGTH = 8;

const secrets = new Set<string>();

/** Notes a secret, which `withoutSecrets` then hides, and returns it. */
export function keepSecret(secret: string): string {
  if (secret.length < MIN_LENGTH) return secret;
  secrets.add(secret);
  secrets.add(encodeURIComponent(secret)); // as in a query
  return secret;
}

/** The text with `***` in the place of every secret. */
export function withoutSecrets(text: string): string {
  let shown = text;
  for (const secret of secrets) shown = shown.replaceAll(secret, '***');
  return shown;
}

/** An address without user, password, query and fragment, which may hold secrets. */
export function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/** Header fields of an answer without what may be secret: cookies, and queries of locations. */
export function shownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const shown = Object.entries(headers)
    .filter(([name]) => name !== 'set-cookie')
    .map(([name, value]) => {
      const open = name.endsWith('location') ? value.replace(/[?#].*$/s, '') : value;
      return [name, withoutSecrets(open)] as const;
    });
  return Object.fromEntries(shown);
}
