import type { Environment } from './http/route.ts';

/**
 * The variables by which stores are found, those of the process unless others are given. One that
 * is empty counts as not set, as in the tools of the clouds.
 */
export function environmentOf({
  env = process.env,
}: {
  env?: Environment | undefined;
}): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}
