// Requests for one repository of a registry ("OCI Distribution Specification" 1.1).

import { environmentOf } from '../environment.ts';
import { httpClient, type HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import type { Explanation } from '../http/failure.ts';
import { jsonMembers, membersOf } from '../json-texts.ts';
import type { StoreOptions } from '../store-options.ts';
import { authorization } from './authorization.ts';
import { findLogin } from './login.ts';
import { addressOf, parseReference, type Reference } from './reference.ts';

/** A request for a repository. `what` is a verb: the name of the image follows. */
export interface RepositoryRequest extends Omit<HttpRequest, 'url' | 'authorize' | 'explain'> {
  /** Below the repository: `manifests/latest`; or what an answer has called a location. */
  readonly at: string | URL;
}

export interface Repository extends Reference {
  /** As it is typed: `oci://REGISTRY/REPOSITORY:TAG`. */
  readonly name: string;
  /** Sends a request for it. Fails as `HttpClient.send` does. */
  send(request: RepositoryRequest): Promise<HttpResponse>;
  /** The location that an answer names; undefined if it names none. */
  locationIn(answer: HttpResponse): URL | undefined;
  close(): void;
}

/** Statuses of a blob that is elsewhere. */
export const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** How long a registry may take to check and to move what it was sent, in milliseconds. */
const TIMEOUTS = { idle: 600_000, total: 900_000 };

/** The repository of `oci://REGISTRY/REPOSITORY:TAG`. Throws a KexportError. */
export function repositoryOf(name: string, options: StoreOptions): Repository {
  const { endpoint } = options;
  const env = environmentOf(options);
  const reference = parseReference(name);
  const { registry, repository } = reference;
  const server = (endpoint ?? addressOf(registry)).replace(/\/+$/, '');
  const base = new URL(`${server}/v2/${repository}/`);
  const client = httpClient({ ...options, timeouts: { ...TIMEOUTS, ...options.timeouts } });
  const how = {
    isPlain: base.protocol === 'http:',
    findLogin: (signal?: AbortSignal) => findLogin(env, reference, signal),
  };
  const access = authorization(reference, how, client);
  let greeting: Promise<void> | undefined;

  /** Finds out whether the registry wants to know who asks. */
  const greet = async (signal: AbortSignal | undefined) => {
    const url = new URL('/v2/', base);
    const request = { what: `reach the registry of ${name}`, url, signal };
    const answer = await client.send({ ...request, method: 'GET', accepts: [401] });
    if (answer.status === 401) access.accept(answer, 'GET');
  };
  return {
    ...reference,
    name,
    async send({ at, ...request }) {
      const url = new URL(at, base);
      // A registry may have its bytes elsewhere: there the address is the permission.
      const isOwn = url.host === base.host && url.protocol === base.protocol;
      await (greeting ??= greet(request.signal));
      let refusals = 0;
      return client.send({
        ...request,
        what: `${request.what} ${name}`,
        url,
        ...(isOwn && { authorize: () => access.headers(request.method, request.signal) }),
        explain: (response) => {
          const isAccepted =
            response.status === 401 && refusals++ < 2 && access.accept(response, request.method);
          return explained(response, isAccepted, registry);
        },
      });
    },
    locationIn({ headers: { location } }) {
      return location === undefined ? undefined : new URL(location, base);
    },
    close: () => client.close(),
  };
}

function explained(
  { status, body }: HttpResponse,
  isAccepted: boolean,
  registry: string,
): Explanation {
  const errors: unknown = jsonMembers(body.toString())['errors'];
  const { code, message } = membersOf(Array.isArray(errors) ? errors[0] : undefined);
  return {
    code: typeof code === 'string' ? code : undefined,
    message: typeof message === 'string' ? message : undefined,
    isTransient: isAccepted || undefined,
    hint: hintFor(status, registry),
  };
}

function hintFor(status: number, registry: string): string | undefined {
  if (status === 401) return `docker login ${registry}, or skopeo login ${registry}`;
  if (status === 403) return 'the login lacks the permission to push to this repository';
  if (status !== 413) return undefined;
  return 'a proxy in front of the registry takes less at once: raise its limit, as client_max_body_size of nginx';
}
