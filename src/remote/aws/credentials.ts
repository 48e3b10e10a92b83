// Finds credentials where AWS's own tools do, in their order: environment, web identity, profile,
// container, instance. What takes more than a request, such as SSO and roles of a profile, is asked
// of the AWS CLI.

import { KexportError } from '../../errors.ts';
import type { HttpClient } from '../http/client.ts';
import type { Environment } from '../http/route.ts';
import { keepSecret } from '../http/secrets.ts';
import { xmlText } from '../http/xml-text.ts';
import { jsonTexts } from '../json-texts.ts';
import { readSecret } from '../read-secret.ts';
import { type Renewed, renewed } from '../renewed.ts';
import { runTool, splitCommand } from '../run-tool.ts';
import { metadataCredentials } from './metadata.ts';
import { type Profile, profileName, readProfile } from './shared-files.ts';
import type { AwsCredentials } from './sign.ts';

/** The credentials of this process, which are renewed before they end. */
export type CredentialProvider = Renewed<AwsCredentials>;

/** Its `get` throws a KexportError if there are none. */
export function credentialProvider(env: Environment, client: HttpClient): CredentialProvider {
  return renewed(() => find(env, client));
}

async function find(env: Environment, client: HttpClient): Promise<AwsCredentials> {
  const found =
    fromEnvironment(env) ??
    (await fromWebIdentity(env, client)) ??
    (await fromProfile(env)) ??
    (await metadataCredentials(env, client));
  if (found) {
    keepSecret(found.secretAccessKey);
    if (found.sessionToken !== undefined) keepSecret(found.sessionToken);
    return found;
  }
  throw new KexportError('usage', 'no credentials for AWS were found', {
    hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; aws configure list shows what the AWS CLI finds',
  });
}

function fromEnvironment(env: Environment): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  if (accessKeyId === '' || secretAccessKey === '') return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] };
}

/** A role for a token in a file, as in a pod of EKS: AssumeRoleWithWebIdentity of STS. */
async function fromWebIdentity(
  env: Environment,
  client: HttpClient,
): Promise<AwsCredentials | undefined> {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role } = env;
  if (file === undefined || role === undefined) return undefined;
  const token = keepSecret(await readSecret(file, 'AWS_WEB_IDENTITY_TOKEN_FILE'));
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] ?? 'kexport',
    WebIdentityToken: token,
  });
  const { body } = await client.send({
    what: `assume the role ${role}`,
    method: 'POST',
    url: new URL(env['AWS_ENDPOINT_URL_STS'] ?? `https://sts.${region}.amazonaws.com/`),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: [Buffer.from(form.toString())],
    explain: ({ body: answer }) => ({
      code: xmlText(answer.toString(), 'Code'),
      message: xmlText(answer.toString(), 'Message'),
    }),
  });
  const xml = body.toString();
  return {
    accessKeyId: xmlText(xml, 'AccessKeyId') ?? '',
    secretAccessKey: xmlText(xml, 'SecretAccessKey') ?? '',
    sessionToken: xmlText(xml, 'SessionToken'),
    expiresAt: Date.parse(xmlText(xml, 'Expiration') ?? '') || undefined,
  };
}

async function fromProfile(env: Environment): Promise<AwsCredentials | undefined> {
  const profile = await readProfile(env);
  if (!profile) return undefined;
  const name = profileName(env);
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = profile;
  if (profile['role_arn'] === undefined && accessKeyId !== undefined && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: profile['aws_session_token'] };
  }
  const command = profile['credential_process'];
  if (profile['role_arn'] === undefined && command !== undefined) {
    const [program = '', ...args] = splitCommand(command);
    return decodeProcess(await runTool(program, args), `credential_process of ${name}`);
  }
  return needsTool(profile) ? askTool(name) : undefined;
}

function needsTool(profile: Profile): boolean {
  return Object.keys(profile).some((key) => /^(role_arn|sso_|login_session)/.test(key));
}

async function askTool(profile: string): Promise<AwsCredentials> {
  const args = ['configure', 'export-credentials', '--profile', profile, '--format', 'process'];
  const hint = `aws sso login --profile ${profile}, if it uses SSO; the AWS CLI 2 must be installed`;
  return decodeProcess(await runTool('aws', args, hint), 'aws configure export-credentials');
}

/** The output of a `credential_process`, version 1. */
function decodeProcess(text: string, source: string): AwsCredentials {
  const fields = jsonTexts(text);
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = fields;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new KexportError('usage', `${source} printed no credentials`);
  }
  const { SessionToken: sessionToken, Expiration = '' } = fields;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiresAt: Date.parse(Expiration) || undefined,
  };
}
