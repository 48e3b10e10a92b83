import { KexportError } from '../errors.ts';
import type { ExportOptions } from './export-options.ts';
import type { Request } from './request.ts';

/**
 * Throws a KexportError for options of an increment that lack another, and for those of a whole disk that say nothing of
 * an image upon another: none is ignored.
 */
export function checkIncrement({ source }: Request, options: ExportOptions): void {
  const { backing, flatten, incrementalFrom, from } = options;
  const isUpon = typeof backing === 'string';
  const refuse = (what: string, hint: string) => {
    throw new KexportError('usage', what, { hint });
  };
  if (incrementalFrom !== undefined) checkSent(options);
  if (source === undefined && (isUpon || flatten !== undefined || incrementalFrom !== undefined)) {
    refuse('an increment is upon another image, and none is named', 'the stream, or - for a pipe');
  }
  if (source === '-' && flatten === '-') {
    refuse('the increment and what is below it cannot both come from standard input', 'name one');
  }
  if (!isUpon) return;
  if (from !== undefined && from !== 'zfs-send') {
    refuse(`--backing IMAGE is for a zfs send stream, not for ${from}`, 'leave out --from');
  }
  if (options.compression === 'zstd') {
    refuse('an image upon another is compressed by zlib, not by zstd', 'leave out --compression');
  }
  if (options.verify) {
    const hint = 'kexport verify IMAGE --backing --against DISK, once it is there';
    refuse('--verify is for whole disks, not for an image upon another', hint);
  }
}

function checkSent({ backing, flatten, from, incrementalFrom = '' }: ExportOptions): void {
  if (from !== undefined && from !== 'zfs-send') {
    throw new KexportError('usage', `--incremental-from has zfs send a stream, not ${from}`);
  }
  if (typeof backing === 'string' || flatten !== undefined) return;
  const what = `--incremental-from ${incrementalFrom} needs the image of that snapshot`;
  const hint = '--backing IMAGE makes a qcow2 upon it, --flatten IMAGE the whole disk';
  throw new KexportError('usage', what, { hint });
}
