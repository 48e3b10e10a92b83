// Credentials of the role of a container (ECS, EKS Pod Identity) or of an instance (IMDSv2).

import { failureOf } from '../http/failure.ts';
import type { HttpClient, HttpRequest } from '../http/client.ts';
import type { Environment } from '../http/route.ts';
import { keepSecret } from '../http/secrets.ts';
import { jsonTexts } from '../json-texts.ts';
import { readSecret } from '../read-secret.ts';
import type { AwsCredentials } from './sign.ts';

const CONTAINER_HOST = 'http://169.254.170.2';
const INSTANCE_HOST = 'http://169.254.169.254';

/** Outside of AWS nobody answers at these addresses. In milliseconds. */
const SHORT = { patience: 1000, timeouts: { connect: 1000, idle: 2000 } };

/** Undefined outside of a container or an instance with a role. */
export async function metadataCredentials(
  env: Environment,
  client: HttpClient,
): Promise<AwsCredentials | undefined> {
  return (await ofContainer(env, client)) ?? ofInstance(env, client);
}

/** The region that this instance is in; undefined elsewhere. */
export async function metadataRegion(
  env: Environment,
  client: HttpClient,
): Promise<string | undefined> {
  return instanceText('meta-data/placement/region', env, client);
}

async function ofContainer(
  env: Environment,
  client: HttpClient,
): Promise<AwsCredentials | undefined> {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const full = env['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (relative === undefined && full === undefined) return undefined;
  const url = new URL(relative ?? full ?? '', CONTAINER_HOST);
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token =
    file === undefined
      ? env['AWS_CONTAINER_AUTHORIZATION_TOKEN']
      : await readSecret(file, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE');
  const { body } = await client.send({
    what: "ask for the credentials of the container's role",
    method: 'GET',
    url,
    headers: token === undefined ? {} : { authorization: keepSecret(token) },
  });
  return decode(body.toString());
}

async function ofInstance(
  env: Environment,
  client: HttpClient,
): Promise<AwsCredentials | undefined> {
  const roles = 'meta-data/iam/security-credentials/';
  const role = (await instanceText(roles, env, client))?.trim().split('\n')[0];
  if (role === undefined || role === '') return undefined;
  return decode((await instanceText(roles + encodeURIComponent(role), env, client)) ?? '');
}

async function instanceText(
  path: string,
  env: Environment,
  client: HttpClient,
): Promise<string | undefined> {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined;
  const host = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? INSTANCE_HOST;
  const ask = async (request: Pick<HttpRequest, 'method' | 'headers'>, name: string) => {
    const what = "ask for the credentials of the instance's role";
    const url = new URL(`/latest/${name}`, host);
    const answer = await client.send({ ...request, what, url, ...SHORT });
    return answer.body.toString();
  };
  try {
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '300' };
    const token = keepSecret(await ask({ method: 'PUT', headers: ttl }, 'api/token'));
    return await ask({ method: 'GET', headers: { 'x-aws-ec2-metadata-token': token } }, path);
  } catch (error) {
    if (failureOf(error)) return undefined;
    throw error;
  }
}

function decode(json: string): AwsCredentials | undefined {
  const { AccessKeyId, SecretAccessKey, Token, Expiration = '' } = jsonTexts(json);
  if (AccessKeyId === undefined || SecretAccessKey === undefined) return undefined;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiresAt: Date.parse(Expiration) || undefined,
  };
}
