import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Identifies the machine that an image was made from. */
export interface HostFacts {
  readonly hostname: string;
  /** The content of /etc/hostid, as `hostid` prints it; undefined without that file. */
  readonly hostid: string | undefined;
}

export async function hostFacts(): Promise<HostFacts> {
  const bytes = await readFile('/etc/hostid').catch(() => undefined);
  const hostid =
    bytes?.length === 4 ? bytes.readUInt32LE().toString(16).padStart(8, '0') : undefined;
  return { hostname: hostname(), hostid };
}
