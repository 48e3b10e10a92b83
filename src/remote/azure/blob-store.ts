// A blob of Azure: requests to its address, allowed by a shared access signature or a token.

import { KexportError } from '../../errors.ts';
import { environmentOf } from '../environment.ts';
import { hideQuery } from '../hide-query.ts';
import { httpClient, type HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import type { Explanation } from '../http/failure.ts';
import { keepSecret, shownUrl } from '../http/secrets.ts';
import { xmlText } from '../http/xml-text.ts';
import { jsonTexts } from '../json-texts.ts';
import { runTool } from '../run-tool.ts';
import type { StoreOptions } from '../store-options.ts';

/** The version of the protocol; of those with pages up to 4 MiB and tokens, one that all have. */
const API_VERSION = '2021-08-06';

/** A request for a blob. `what` is a verb: the name of the blob follows. */
export interface BlobRequest extends Omit<HttpRequest, 'url' | 'authorize' | 'explain'> {
  /** Of the operation, such as `comp=page`. */
  readonly query?: string;
}

export interface Blob {
  /** Its address without the signature. */
  readonly name: string;
  /** Whether it is a managed disk, which is uploaded to and has rules of its own. */
  readonly isManagedDisk: boolean;
  send(request: BlobRequest): Promise<HttpResponse>;
  close(): void;
}

/** Hosts of blobs and of managed disks, in Azure and its sovereign clouds. */
const HOSTS = /\.blob\.(core\.[a-z.]+|storage\.azure\.net)$/;

/** Throws a KexportError for an address that is not one of a blob. */
export function blobAt(address: string, options: StoreOptions): Blob {
  const env = environmentOf(options);
  const url = new URL(address);
  const name = shownUrl(url);
  const isSigned = url.searchParams.has('sig') && url.searchParams.has('sv');
  if (!isSigned && !HOSTS.test(url.hostname)) {
    throw new KexportError(
      'usage',
      `${name} is not a blob of Azure, and nothing else is sent to by http`,
    );
  }
  if (url.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(url.hostname)) {
    throw new KexportError('usage', `${name} would show the signature to others: use https`);
  }
  if (url.pathname.startsWith('//')) {
    throw new KexportError('usage', `${name} has no container between its first two slashes`, {
      hint: 'it looks like https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME.vhd',
    });
  }
  const signature = env['AZURE_STORAGE_SAS_TOKEN']?.replace(/^\?/, '') ?? '';
  if (!isSigned && signature !== '') url.search = signature;
  hideQuery(url);
  const client = httpClient(options);
  const token = url.search === '' ? tokens() : undefined;
  return {
    name,
    isManagedDisk: url.hostname.startsWith('md-'),
    async send({ query, ...request }) {
      const whole = new URL(url);
      if (options.endpoint !== undefined) {
        // Not resolved against it: what is in a path must not choose the server.
        const { protocol, hostname, port } = new URL(options.endpoint);
        Object.assign(whole, { protocol, hostname, port });
      }
      // Appended as text: a signature is not to be encoded anew.
      if (query !== undefined) whole.search += `${whole.search === '' ? '?' : '&'}${query}`;
      return client.send({
        ...request,
        what: `${request.what} ${name}`,
        url: whole,
        headers: { ...request.headers, 'x-ms-version': API_VERSION },
        authorize: async () => ({
          'x-ms-date': new Date().toUTCString(),
          ...(token && { authorization: `Bearer ${await token.get(request.signal)}` }),
        }),
        explain: (response) => explained(response, token),
      });
    },
    close: () => client.close(),
  };
}

/** A token of the user of the Azure CLI. */
interface Tokens {
  /** The signal ends the asking for one, after which the next `get` asks anew. */
  get(signal: AbortSignal | undefined): Promise<string>;
  /** Has `get` ask for another; false if that was done before. */
  renew(): boolean;
}

/** How long a token is used, in milliseconds: it is valid for an hour at the least. */
const TOKEN_LIFE = 1_800_000;

function tokens(): Tokens {
  let current: Promise<string> | undefined;
  let since = 0;
  return {
    get(signal) {
      if (Date.now() - since > TOKEN_LIFE) current = undefined;
      if (!current) since = Date.now();
      return (current ??= askTool(signal).catch((error: unknown) => {
        current = undefined;
        throw error;
      }));
    },
    renew() {
      const isNew = Date.now() - since < 60_000;
      if (!isNew) current = undefined;
      return !isNew;
    },
  };
}

async function askTool(signal: AbortSignal | undefined): Promise<string> {
  const args = ['account', 'get-access-token', '--resource', 'https://storage.azure.com/'];
  const hint =
    'az login, or put a shared access signature behind the address or into AZURE_STORAGE_SAS_TOKEN';
  const text = await runTool('az', [...args, '--output', 'json'], hint, { signal });
  const { accessToken } = jsonTexts(text);
  if (accessToken !== undefined) return keepSecret(accessToken);
  throw new KexportError('usage', 'az account get-access-token printed no token', { hint });
}

const HINTS: Readonly<Record<string, string>> = {
  AuthenticationFailed: 'the signature is wrong, or has expired (se=): make a new one',
  AuthorizationFailure: 'the firewall of the account, or the signature, does not allow it',
  AuthorizationPermissionMismatch:
    'the signature or the user lacks the permission: sp=rcwd of a signature, the role Storage Blob Data Contributor of a user',
  AuthorizationProtocolMismatch: 'the signature is for https (spr=)',
  ContainerNotFound: 'create the container first: az storage container create',
  InvalidBlobType: 'the blob is not a page blob: --force replaces it',
  LeaseIdMissing: 'somebody holds a lease on the blob: az storage blob lease break',
};

function explained(
  { status, headers, body }: HttpResponse,
  token: Tokens | undefined,
): Explanation {
  const text = body.toString();
  const code = headers['x-ms-error-code'] ?? xmlText(text, 'Code');
  const [message] = xmlText(text, 'Message')?.split('\n') ?? [];
  const isTransient = status === 401 ? (token?.renew() ?? false) : undefined;
  return { code, message, isTransient, hint: HINTS[code ?? ''] };
}
