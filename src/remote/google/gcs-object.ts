// The objects of Google Cloud Storage, by its JSON API.

import { KexportError } from '../../errors.ts';
import { environmentOf } from '../environment.ts';
import { httpClient, type HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import type { Explanation } from '../http/failure.ts';
import type { Environment } from '../http/route.ts';
import { jsonMembers, jsonTexts, membersOf } from '../json-texts.ts';
import { refuseDots } from '../refuse-dots.ts';
import type { StoreOptions } from '../store-options.ts';
import { googleTokens } from './token.ts';

/** A request for one object. `what` is a verb: the name of the object follows. */
export interface GcsRequest extends Omit<HttpRequest, 'url' | 'authorize' | 'explain'> {
  /** Of the object, unless `session` is given. */
  readonly query?: Readonly<Record<string, string>>;
  /** Address of an upload, in the place of the object's. */
  readonly session?: URL | undefined;
}

/** An object of Google Cloud Storage, whether it exists or not. */
export interface GcsObject {
  /** As it is typed: `gs://BUCKET/KEY`. */
  readonly name: string;
  /** Where an upload to it begins. */
  readonly uploads: URL;
  /** Sends a request for it. Fails as `HttpClient.send` does. */
  send(request: GcsRequest): Promise<HttpResponse>;
  close(): void;
}

/** What Google Cloud Storage calls the bytes of an object. */
export interface GcsVersion {
  readonly generation: string;
  /** In bytes. */
  readonly size: number;
  /** Base64 of its four bytes, the first of them the most significant. */
  readonly crc32c: string | undefined;
}

const ADDRESS = 'https://storage.googleapis.com';

/** Throws a KexportError for a name that is not `gs://BUCKET/KEY`. */
export function gcsObject(name: string, options: StoreOptions): GcsObject {
  const [, bucket = '', key = ''] =
    /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])\/(.*[^/])$/s.exec(name) ?? [];
  if (key === '') {
    throw new KexportError('usage', `${name} does not name an object in Google Cloud Storage`, {
      hint: 'it looks like gs://BUCKET/KEY; a name that ends in / is a folder for several images',
    });
  }
  refuseDots(name, [key]); // a slash within it is encoded
  const env = environmentOf(options);
  const { address, isEmulator } = serverOf(options.endpoint, env);
  const client = httpClient(options);
  const tokens = isEmulator ? undefined : googleTokens(env, client);
  const object = new URL(`${address}/storage/v1/b/${bucket}/o/${encodeURIComponent(key)}`);
  const uploads = new URL(`${address}/upload/storage/v1/b/${bucket}/o`);
  uploads.search = new URLSearchParams({ uploadType: 'resumable', name: key }).toString();
  return {
    name,
    uploads,
    async send({ query = {}, session, ...request }) {
      const url = new URL(session ?? object);
      for (const [parameter, value] of Object.entries(query)) {
        url.searchParams.set(parameter, value);
      }
      let isRenewed = false; // another token may be refused too
      const renew = () => {
        if (isRenewed) return false;
        isRenewed = tokens?.renew() ?? false;
        return isRenewed;
      };
      return client.send({
        ...request,
        what: `${request.what} ${name}`,
        url,
        ...(tokens && {
          authorize: async () => ({
            authorization: `Bearer ${(await tokens.get(request.signal)).text}`,
          }),
        }),
        explain: (response) => explained(response, renew),
      });
    },
    close: () => client.close(),
  };
}

/** An emulator, which Google's libraries know by this variable, takes no token. */
function serverOf(endpoint: string | undefined, env: Environment) {
  const emulator = env['STORAGE_EMULATOR_HOST'] ?? '';
  const isEmulator = endpoint === undefined && emulator !== '';
  const whole = emulator.includes('://') ? emulator : `http://${emulator}`;
  const address = isEmulator ? whole : (endpoint ?? ADDRESS);
  return { address: address.replace(/\/+$/, ''), isEmulator };
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'the token is not valid, or has expired: gcloud auth application-default login',
  403: 'the credentials lack the permission: the role Storage Object User has all that is needed',
  410: 'the upload has ended, as it does after a week: begin anew',
};

const NO_BUCKET = 'create the bucket first, and check its name: gcloud storage buckets create';

function explained({ status, body }: HttpResponse, renew: () => boolean): Explanation {
  const text = body.toString();
  const error = membersOf(jsonMembers(text)['error']);
  const { message } = error;
  const causes: unknown = error['errors'];
  const reason = Array.isArray(causes) ? membersOf(causes[0])['reason'] : undefined;
  const code = typeof reason === 'string' ? reason : undefined;
  const isTransient = /rateLimitExceeded$/i.test(code ?? '') || (status === 401 && renew());
  return {
    code,
    // An upload is refused by a line of text.
    message: typeof message === 'string' ? message : text,
    isTransient: isTransient || undefined,
    hint: text.includes('bucket does not exist') ? NO_BUCKET : HINTS[status],
  };
}

/** The version that the description of an object is of. Throws a KexportError if it says none. */
export function decodeVersion(name: string, { body }: HttpResponse): GcsVersion {
  const { generation, size = '', crc32c } = jsonTexts(body.toString());
  if (generation !== undefined && /^\d+$/.test(size)) {
    return { generation, size: Number(size), crc32c };
  }
  throw new KexportError('unsupported', `the answer for ${name} does not describe an object`);
}
