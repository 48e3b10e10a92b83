// Requests to the API of Proxmox VE, allowed by a token.

import { setTimeout } from 'node:timers/promises';
import { errnoOf, KexportError, throwIfAborted } from '../../errors.ts';
import { environmentOf } from '../environment.ts';
import { httpClient, type HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { type Explanation, failureOf } from '../http/failure.ts';
import type { Environment } from '../http/route.ts';
import { keepSecret } from '../http/secrets.ts';
import { jsonMembers, membersOf } from '../json-texts.ts';
import { readSecret } from '../read-secret.ts';
import type { StoreOptions } from '../store-options.ts';
import type { ProxmoxPlace } from './place.ts';

/** A request; `path` is below `/api2/json/`. */
export interface ApiRequest extends Omit<HttpRequest, 'url' | 'authorize' | 'explain'> {
  readonly path: string;
}

export interface ProxmoxApi {
  /** Returns the `data` of the answer. Fails as `HttpClient.send` does. */
  send(request: ApiRequest): Promise<unknown>;
  /** Waits for the end of a task. Returns why it failed; undefined if it did not. */
  wait(upid: string, signal?: AbortSignal): Promise<string | undefined>;
  close(): void;
}

/** Proxmox copies what it was sent before it answers, to another node perhaps. In milliseconds. */
const TIMEOUTS = { idle: 600_000, total: 900_000 };

/** How long a task may take, and how often it is asked for at first and later, in milliseconds. */
const MAX_TASK = 6 * 3_600_000;
const FIRST_INTERVAL = 100;
const INTERVAL = 2000;

/** Throws a KexportError if there is no token. */
export async function proxmoxApi(
  { server, host }: ProxmoxPlace,
  options: StoreOptions,
): Promise<ProxmoxApi> {
  const env = environmentOf(options);
  const token = await tokenIn(env);
  const fingerprint = env['PVE_FINGERPRINT'];
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const client = httpClient({ ...options, timeouts, ...(fingerprint && { fingerprint }) });
  const base = new URL('/api2/json/', options.endpoint ?? server);

  const send = async ({ path, ...request }: ApiRequest): Promise<unknown> => {
    try {
      const { body } = await client.send({
        ...request,
        url: new URL(path, base),
        authorize: () => Promise.resolve({ authorization: `PVEAPIToken=${token}` }),
        explain: explained,
      });
      return jsonMembers(body.toString())['data'];
    } catch (error) {
      throw withHint(error, host);
    }
  };
  return {
    send,
    async wait(upid, signal) {
      // The task runs where the API was asked, which need not be the node of the storage.
      const [, node = ''] = upid.split(':');
      const path = `nodes/${node}/tasks/${encodeURIComponent(upid)}/status`;
      const deadline = Date.now() + MAX_TASK;
      for (let interval = FIRST_INTERVAL; Date.now() < deadline; interval *= 2) {
        const found = membersOf(
          await send({ what: `ask how far ${upid} is`, method: 'GET', path, signal }),
        );
        if (found['status'] === 'stopped') {
          const end = String(found['exitstatus']).trim();
          return end === 'OK' || end.startsWith('WARNINGS') ? undefined : end;
        }
        await setTimeout(Math.min(interval, INTERVAL), undefined, { signal }).catch(() =>
          throwIfAborted(signal),
        );
      }
      throw new KexportError('target', `the task ${upid} does not end`);
    },
    close: () => client.close(),
  };
}

async function tokenIn(env: Environment): Promise<string> {
  const { PVE_API_TOKEN_FILE: file = '', PROXMOX_TOKEN = '', PVE_API_TOKEN = '' } = env;
  const given = PROXMOX_TOKEN === '' ? PVE_API_TOKEN : PROXMOX_TOKEN;
  const text =
    given === '' && file !== '' ? await readSecret(file, 'PVE_API_TOKEN_FILE') : given.trim();
  const [, secret] = /^[^\s@]+@[^\s!]+![^\s=]+=(\S+)$/.exec(text) ?? [];
  if (secret !== undefined) {
    keepSecret(secret);
    return text;
  }
  const what =
    text === '' ? 'no token for Proxmox VE was found' : 'the token for Proxmox VE is none';
  throw new KexportError('usage', what, {
    hint: 'set PROXMOX_TOKEN to USER@REALM!ID=SECRET; pveum user token add makes one',
  });
}

/** What a busy cluster says. Everything else that it says with 500 stays so. */
const BUSY = /time.?out|timed out|try again|unable to (acquire|lock)|got no lock|no quorum/i;

/** Statuses of a proxy between nodes, and of a server that is busy. */
const PASSING = new Set([429, 502, 503, 504, 595, 596, 599]);

function explained({ status, reason, body }: HttpResponse): Explanation {
  const answer = jsonMembers(body.toString());
  // Proxmox says what is wrong behind the status.
  const general = typeof answer['message'] === 'string' ? answer['message'] : reason;
  const details = Object.entries(membersOf(answer['errors'])).map(
    ([name, text]) => `${name}: ${String(text)}`,
  );
  const message = [general.trim(), ...details].join(' ').trim();
  const isPlain = /^(internal server error)?$/i.test(message);
  const isBusy = status === 500 && (isPlain || BUSY.test(message));
  return { message, isTransient: isBusy || PASSING.has(status), hint: HINTS[status] };
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'the token is not valid, or has expired: pveum user token list USER@REALM',
  403: 'the token lacks Datastore.AllocateTemplate, Datastore.Audit or Datastore.Allocate on the storage: pveum acl modify',
};

/** Names what helps if the certificate is not trusted: that of Proxmox is signed by itself. */
function withHint(error: unknown, host: string): unknown {
  const failure = failureOf(error);
  if (!(error instanceof KexportError) || failure?.status !== undefined) return error;
  if (!/^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_)/.test(errnoOf(failure?.cause) ?? ''))
    return error;
  return new KexportError(error.code, error.message, {
    cause: failure,
    hint: `set PVE_FINGERPRINT to the SHA-256 fingerprint that "pvenode cert info" shows on ${host}, if it is that one`,
  });
}
