// The objects of S3, and of others with its protocol.

import { KexportError } from '../../errors.ts';
import type { HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { failureOf } from '../http/failure.ts';
import { refuseDots } from '../refuse-dots.ts';
import type { StoreOptions } from '../store-options.ts';
import { type AwsServices, awsServices, domainOf } from './service.ts';
import { uriEncoded } from './sign.ts';

/** The place of an object. */
export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** A request for one object. `what` is a verb: the name of the object follows. */
export interface S3Request extends Omit<HttpRequest, 'url' | 'authorize' | 'explain'> {
  readonly query?: Readonly<Record<string, string>>;
  readonly bodySha256?: string | undefined;
}

/** An object of S3, whether it exists or not. */
export interface S3Object extends S3Place {
  /** As it is typed: `s3://BUCKET/KEY`. */
  readonly name: string;
  /** Sends a request for it, to the region of its bucket. Fails as `HttpClient.send` does. */
  send(request: S3Request): Promise<HttpResponse>;
  close(): void;
}

/** The place that `s3://BUCKET/KEY` names. Throws a KexportError. */
export function parseS3(name: string): S3Place {
  const [, bucket = '', key = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/.exec(name) ?? [];
  if (key !== '') {
    refuseDots(name, key.split('/'));
    return { bucket, key };
  }
  throw new KexportError('usage', `${name} does not name an object in S3`, {
    hint: 'it looks like s3://BUCKET/KEY; a name that ends in / is a folder for several images',
  });
}

export function s3Object(name: string, options: StoreOptions): S3Object {
  const { bucket, key } = parseS3(name);
  const services = awsServices(options);
  let region: Promise<string> | undefined;

  const sendTo = async ({ query = {}, ...request }: S3Request, where: string) => {
    const url = addressOf({ bucket, key }, where, services);
    url.search = Object.entries(query)
      .map(([parameter, value]) => `${uriEncoded(parameter)}=${uriEncoded(value)}`)
      .join('&');
    const what = `${request.what} ${name}`;
    return services.send({ ...request, what, url, service: 's3', region: where });
  };
  return {
    bucket,
    key,
    name,
    async send(request) {
      region ??= services.region().then((found) => found ?? 'us-east-1');
      const where = await region;
      try {
        return await sendTo(request, where);
      } catch (error) {
        // Every bucket says where it is, also to those who may not use it.
        const own = failureOf(error)?.headers['x-amz-bucket-region'];
        if (own === undefined || own === where) throw error;
        region = Promise.resolve(own);
        return sendTo(request, own);
      }
    },
    close: () => services.close(),
  };
}

/**
 * The bucket is in the name of the host, except at other addresses than AWS's own, and where the
 * certificate would not match.
 */
function addressOf({ bucket, key }: S3Place, region: string, services: AwsServices): URL {
  const path = key.split('/').map(uriEncoded).join('/');
  const endpoint = services.endpoint('s3');
  if (endpoint !== undefined) return new URL(`${endpoint}/${bucket}/${path}`);
  const host = `s3.${region}.${domainOf(region)}`;
  return bucket.includes('.')
    ? new URL(`https://${host}/${bucket}/${path}`)
    : new URL(`https://${bucket}.${host}/${path}`);
}
