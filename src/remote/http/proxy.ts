// The proxy that the environment names for an address.

import { isIPv6 } from 'node:net';
import { KexportError } from '../../errors.ts';
import { percentDecoded } from './percent-decoded.ts';
import { keepSecret } from './secrets.ts';

/** A proxy, which is asked by http. */
export interface Proxy {
  readonly url: URL;
  /** As a connection takes it: an address of IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Header fields with its user and password, if it has them. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** By HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Throws a KexportError for one that is no address. */
export function proxyFor(
  url: URL,
  env: Readonly<Record<string, string | undefined>>,
): Proxy | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = env[name] ?? env[name.toUpperCase()] ?? '';
  if (text === '' || isDirect(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:') {
    throw new KexportError('usage', `${name.toUpperCase()} does not name a proxy`, {
      hint: 'it looks like http://HOST:PORT',
    });
  }
  const { hostname, port } = proxy;
  return {
    url: proxy,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    credentials: credentialsOf(proxy),
  };
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${percentDecoded(username)}:${keepSecret(percentDecoded(password))}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** This machine and its metadata service are never reached through a proxy. */
function isDirect(url: URL, noProxy: string): boolean {
  if (url.hostname === 'localhost' || /^(127\.|169\.254\.|\[::1\])/.test(url.hostname)) return true;
  const entries = noProxy.split(/[,\s]+/).filter((entry) => entry !== '');
  return entries.some((entry) => covers(entry.toLowerCase(), url));
}

/**
 * Whether an entry of NO_PROXY is for a server: `HOST` or `*.HOST`, also with `:PORT`, or `*` for
 * all. A host stands for what is below it too, with a dot in front for that alone.
 */
function covers(entry: string, { protocol, hostname, port }: URL): boolean {
  const bracketed = isIPv6(entry) ? `[${entry}]` : entry;
  const [, host = bracketed, onlyPort] = /^(.+?)(?::(\d+))?$/.exec(bracketed) ?? [];
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  if (onlyPort !== undefined && onlyPort !== ownPort) return false;
  if (host === '*' || host === hostname) return true;
  const domain = host.replace(/^\*?(?=\.)/, '');
  return hostname.endsWith(domain.startsWith('.') ? domain : `.${domain}`);
}
