import { KexportError, option, wording } from '../errors.ts';

/**
 * Throws a KexportError if the image is not the base of the stream. Images that do not record their
 * snapshot pass.
 */
export function checkBackingFile(
  { path, snapshotGuid }: { readonly path: string; readonly snapshotGuid: bigint | undefined },
  stream: { readonly name: string; readonly fromGuid: bigint | undefined },
): void {
  const { name, fromGuid } = stream;
  if (fromGuid === undefined) {
    throw new KexportError('usage', `${name} is a full stream, and needs no other image below it`, {
      hint: wording`leave out ${option('backingFile')} and ${option('flatten')}`,
    });
  }
  if (snapshotGuid === undefined || snapshotGuid === fromGuid) return;
  const [found, wanted] = [snapshotGuid, fromGuid].map((guid) => guid.toString(16));
  throw new KexportError(
    'source',
    `${path} is the disk of the snapshot with the guid ${String(found)}, but ${name} starts from ${String(wanted)}`,
    { hint: 'name the image that was made from that snapshot' },
  );
}
