// Requests to the services of AWS, and to others that speak their protocols.

import { KexportError } from '../../errors.ts';
import { environmentOf } from '../environment.ts';
import { type HttpClient, httpClient, type HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import type { Explanation } from '../http/failure.ts';
import type { Environment } from '../http/route.ts';
import { xmlText } from '../http/xml-text.ts';
import { jsonTexts } from '../json-texts.ts';
import type { StoreOptions } from '../store-options.ts';
import { type CredentialProvider, credentialProvider } from './credentials.ts';
import { metadataRegion } from './metadata.ts';
import { readProfile } from './shared-files.ts';
import { NO_BODY, signed } from './sign.ts';

export type ServiceName = 's3' | 'ebs' | 'ec2';

/** A request to a service; the body is represented by its hash in the signature. */
export interface AwsRequest extends Omit<HttpRequest, 'authorize' | 'explain'> {
  readonly service: ServiceName;
  /** SHA-256 of the body in hexadecimal digits. Default: that of no body. */
  readonly bodySha256?: string | undefined;
  readonly region: string;
  /** Codes of failures that pass, besides those of all services. */
  readonly transient?: readonly string[] | undefined;
}

export interface AwsServices {
  /** Signs and sends a request. Fails as `HttpClient.send` does. */
  send(request: AwsRequest): Promise<HttpResponse>;
  /** The region that is configured; undefined if none is. */
  region(): Promise<string | undefined>;
  /** The address of a service that is configured in the place of AWS's own, without a path. */
  endpoint(service: ServiceName): string | undefined;
  close(): void;
}

export function awsServices({ endpoint, ...options }: StoreOptions): AwsServices {
  const env = environmentOf(options);
  const client = httpClient(options);
  const credentials = credentialProvider(env, client);
  return {
    async send({ service, region, bodySha256 = NO_BODY, transient = [], ...request }) {
      const { method, url, headers = {} } = request;
      return client.send({
        ...request,
        authorize: async () => {
          const parts = { method, url, headers, bodySha256 };
          return signed(parts, await credentials.get(), { region, service });
        },
        explain: (response) => explained(response, credentials, transient),
      });
    },
    region: () => regionOf(env, client),
    endpoint(service) {
      const own = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`];
      return (endpoint ?? own ?? env['AWS_ENDPOINT_URL'])?.replace(/\/+$/, '');
    },
    close: () => client.close(),
  };
}

async function regionOf(env: Environment, client: HttpClient): Promise<string | undefined> {
  const given = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  return given ?? (await readProfile(env))?.['region'] ?? metadataRegion(env, client);
}

/** Amazon's own name for the servers of a region. */
export function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

/** Codes of a service that is busy. */
const BUSY =
  /^(SlowDown|InternalError|ServiceUnavailable|RequestTimeout|ConditionalRequestConflict|Throttling|RequestThrottled|TooManyRequests|ConcurrentLimitExceeded|RequestLimitExceeded|InternalServer)/;

const EXPIRED = /^(ExpiredToken|RequestExpired|TokenRefreshRequired|ExpiredTokenException)/;

const HINTS: readonly (readonly [RegExp, string])[] = [
  [EXPIRED, 'the credentials have expired: get new ones, as by aws sso login'],
  [
    /^(InvalidAccessKeyId|UnrecognizedClient|InvalidClientTokenId|AuthFailure)/,
    'AWS does not know these credentials: aws sts get-caller-identity shows whose they are',
  ],
  [/^SignatureDoesNotMatch/, 'the secret key does not belong to the access key'],
  [/^RequestTimeTooSkewed/, 'set the clock of this machine'],
  [
    /^(AccessDenied|UnauthorizedOperation)/,
    'the credentials lack the permission; aws sts get-caller-identity shows whose they are',
  ],
  [/^NoSuchBucket/, 'create the bucket first, and check its name'],
];

function explained(
  { status, headers, body }: HttpResponse,
  credentials: CredentialProvider,
  transient: readonly string[],
): Explanation {
  const text = body.toString();
  const json = jsonTexts(text);
  const type = (headers['x-amzn-errortype'] ?? json['__type'])?.replace(/^.*#|:.*$/g, '');
  // EBS gives a reason, which says more than the type; whether it is busy, the type says.
  const given = [xmlText(text, 'Code'), json['Reason'], type];
  const known = given.filter((each) => each !== undefined);
  const [code] = known;
  if (known.length === 0 && status === 403) known.push('AccessDenied');
  const isAny = (pattern: RegExp) => known.some((each) => pattern.test(each));
  const message = xmlText(text, 'Message') ?? json['message'] ?? json['Message'];
  const hint = HINTS.find(([pattern]) => isAny(pattern))?.[1] ?? elsewhere(headers['location']);
  const isTransient =
    isAny(BUSY) ||
    (code !== undefined && transient.includes(code)) ||
    (isAny(EXPIRED) && credentials.renew()) ||
    undefined;
  return { code, message, isTransient, hint };
}

/** What helps if another server has it: no request follows, as that would get session tokens. */
function elsewhere(location = ''): string | undefined {
  if (!URL.canParse(location)) return undefined;
  const { host } = new URL(location);
  return `it is at ${host}: set AWS_REGION to its region, or AWS_ENDPOINT_URL to its server`;
}

/** The configured region. Throws a KexportError if there is none. */
export async function requiredRegion(services: AwsServices): Promise<string> {
  const region = await services.region();
  if (region !== undefined) return region;
  throw new KexportError('usage', 'no region of AWS is configured', {
    hint: 'set AWS_REGION, such as eu-central-1',
  });
}
