// From an address to what is there: the one file that knows every store.

import { KexportError } from '../errors.ts';
import type { OpenSink } from '../sinks/open-sink.ts';
import { checkEndpoints } from './check-endpoints.ts';
import { hideQuery } from './hide-query.ts';
import { shownUrl } from './http/secrets.ts';
import type { RemoteFile } from './remote-file.ts';
import type { ReadOptions, SendOptions } from './store-options.ts';

/** A kind of store. Its code is loaded on demand: most runs need none. */
interface Store {
  readonly names: RegExp;
  /** Variables of the environment with the address of its service. */
  readonly variables?: readonly string[];
  readonly sink?: (name: string, options: SendOptions) => Promise<OpenSink>;
  readonly file?: (name: string, options: ReadOptions) => Promise<RemoteFile>;
}

const STORES: readonly Store[] = [
  {
    names: /^s3:/i,
    variables: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
    sink: async (name, options) => (await import('./aws/s3-sink.ts')).s3Sink(name, options),
    file: async (name, options) => (await import('./aws/s3-file.ts')).openS3File(name, options),
  },
  {
    names: /^ebs:/i,
    variables: ['AWS_ENDPOINT_URL_EBS', 'AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT_URL'],
    sink: async (name, options) => (await import('./aws/ebs-sink.ts')).ebsSink(name, options),
  },
  {
    names: /^gs:/i,
    sink: async (name, options) => (await import('./google/gcs-sink.ts')).gcsSink(name, options),
    file: async (name, options) =>
      (await import('./google/gcs-file.ts')).openGcsFile(name, options),
  },
  {
    names: /^oci:/i,
    sink: async (name, options) => (await import('./registry/oci-sink.ts')).ociSink(name, options),
  },
  {
    names: /^proxmox:/i,
    sink: async (name, options) =>
      (await import('./proxmox/proxmox-sink.ts')).proxmoxSink(name, options),
  },
  {
    names: /^https?:/i,
    sink: async (name, options) => (await import('./azure/blob-sink.ts')).blobSink(name, options),
    file: async (name, options) => (await import('./https-file.ts')).openHttpsFile(name, options),
  },
  { names: /^[a-z][a-z\d+.-]*:\/\//i }, // ssh://, nbd:// and so on: no path either
];

/** Whether a name is an address in a store, and no path: a file of that name is written `./s3:`. */
export function isRemote(name: string): boolean {
  return STORES.some(({ names }) => names.test(name));
}

/** The name without a query, which may be secret and is no part of it. A path as it is. */
export function shownName(name: string): string {
  if (/^proxmox:/i.test(name)) return name.replace(/\?.*$/s, '');
  if (!/^https?:/i.test(name)) return name;
  if (!URL.canParse(name)) {
    throw new KexportError('usage', `${name.replace(/\?.*$/s, '')} is not an address`);
  }
  const url = new URL(name);
  hideQuery(url);
  return shownUrl(url);
}

/** Opens a place in a store for an image. Throws a KexportError. */
export async function remoteSink(name: string, options: SendOptions): Promise<OpenSink> {
  const { sink, variables } = STORES.find(({ names }) => names.test(name)) ?? {};
  checkEndpoints(options, variables);
  if (sink) return sink(name, options);
  throw new KexportError('usage', `images cannot be sent to ${shownName(name)}`, {
    hint: `kexport sends them to ${SENT_TO}, and through a pipe with -o -`,
  });
}

const SENT_TO =
  's3://BUCKET/KEY, ebs:, gs://BUCKET/KEY, oci://REGISTRY/REPOSITORY:TAG, proxmox://HOST/STORAGE:import and page blobs of Azure';

/** Opens a file in a store for reading. Throws a KexportError. */
export async function openRemoteFile(name: string, options: ReadOptions): Promise<RemoteFile> {
  const { file, variables } = STORES.find(({ names }) => names.test(name)) ?? {};
  checkEndpoints(options, variables);
  if (file) return file(name, options);
  throw new KexportError('usage', `nothing is read from ${shownName(name)}`, {
    hint: 'disks and images are read from s3://, gs:// and https://, and a raw disk from a pipe',
  });
}
