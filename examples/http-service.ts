// A service that converts: who posts a raw disk to /qcow2 is answered with a qcow2.
//
//   node http-service.js 8080
//   curl --data-binary @disk.raw http://localhost:8080/qcow2 > disk.qcow2

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encode, type FormatName, FORMATS, KexportError, sourceFrom, writableSink } from 'kexport';

const [port = '8080'] = process.argv.slice(2);
const server = createServer((request, response) => void answer(request, response));
server.listen(Number(port), 'localhost', () => {
  console.log(`listening on port ${(server.address() as AddressInfo).port}`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await convert(request, response);
  } catch (error) {
    if (!(error instanceof KexportError)) throw error;
    if (response.headersSent) {
      response.destroy(); // so that nobody takes what came for an image
      return;
    }
    response.statusCode = error.code === 'usage' ? 404 : 422;
    response.end(`${error.message}\n`);
  }
}

async function convert(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = request.url?.slice(1) ?? '';
  if (!isFormat(name)) throw new KexportError('usage', `there is no format ${name}`);
  const stop = new AbortController();
  response.on('close', () => stop.abort()); // the client is gone, or has everything
  const size = Number(request.headers['content-length']) || undefined;
  const source = await sourceFrom(request, { name: 'the request', size });
  const sink = writableSink(response, { name: 'the response', end: false });
  await encode(source, [{ format: FORMATS[name](), sink }], { signal: stop.signal });
  response.end();
}

function isFormat(name: string): name is FormatName {
  return Object.hasOwn(FORMATS, name);
}
