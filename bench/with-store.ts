// with-store.js ebs|azure MILLISECONDS PROGRAM [ARGUMENT ...]: runs a program beside a store of its
// own on the loopback, each of whose answers takes that long. STORE in the arguments is its
// address.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { SAS, startAzure } from '../test/remote/azure-double.ts';
import { AWS_ENVIRONMENT } from '../test/remote/check-signature.ts';
import { startEbs } from '../test/remote/ebs-double.ts';

const [kind, milliseconds = '0', program = '', ...words] = process.argv.slice(2);
const store = kind === 'ebs' ? await startEbs() : await startAzure(2 ** 32);
store.latency = Number(milliseconds);
const address = kind === 'ebs' ? 'ebs:' : `${store.url}/vhds/x.vhd?${SAS}`;
const child = spawn(
  program,
  words.map((word) => word.replace('STORE', address)),
  {
    env: { ...process.env, ...AWS_ENVIRONMENT, AWS_ENDPOINT_URL: store.url },
    stdio: 'inherit',
  },
);
const [status] = (await once(child, 'exit')) as [number | null];
await store.close();
process.exitCode = status ?? 1;
