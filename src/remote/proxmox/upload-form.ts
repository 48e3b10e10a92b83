// The form that an image is uploaded with (RFC 7578). Proxmox VE reads it front to back: the file
// is last, and each part begins with its Content-Disposition.

import { randomBytes } from 'node:crypto';
import type { ReadableFile } from '../../host/readable-file.ts';
import type { StreamedBody } from '../http/exchange.ts';

/** An image that is complete. */
export interface UploadedFile {
  readonly fileName: string;
  readonly file: ReadableFile;
  /** In bytes. */
  readonly length: number;
  /** SHA-256 in hexadecimal digits, which Proxmox compares. */
  readonly sha256: string;
}

export interface UploadForm {
  readonly contentType: string;
  readonly body: StreamedBody;
}

/** Bytes that are read and sent at a time. */
const PIECE = 2 ** 20;

/** `onSent` is called with the bytes of the file that went out, from 0 on in each attempt. */
export function uploadForm(
  { fileName, file, length, sha256 }: UploadedFile,
  onSent: (sentBytes: number) => void,
): UploadForm {
  const boundary = `kexport-${randomBytes(16).toString('hex')}`;
  const fields = { content: 'import', 'checksum-algorithm': 'sha256', checksum: sha256 };
  const begin = `--${boundary}\r\nContent-Disposition: form-data; name=`;
  const head = [
    ...Object.entries(fields).map(([name, value]) => `${begin}"${name}"\r\n\r\n${value}\r\n`),
    `${begin}"filename"; filename="${fileName}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  ].join('');
  const tail = `\r\n--${boundary}--\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: {
      length: head.length + length + tail.length,
      async *pieces() {
        yield Buffer.from(head);
        for (let at = 0; at < length; at += PIECE) {
          const piece = new Uint8Array(Math.min(PIECE, length - at));
          await file.read(at, piece);
          yield piece;
          onSent(at + piece.length);
        }
        yield Buffer.from(tail);
      },
    },
  };
}
