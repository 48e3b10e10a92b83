import type { Format, ImageReader, ReadRequest } from '../contract.ts';
import type { TarMember } from './decode-tar.ts';
import { unsupported } from './faults.ts';
import { memberInput } from './member-image.ts';

/** What an archive with one disk says about it. */
export interface MemberFacts {
  /** The format of the archive. */
  readonly format: string;
  readonly details: ImageReader['facts']['details'];
}

/**
 * Opens the disk in a member of an archive, which is read in place. Rejects with a FormatError for
 * an image that needs another file.
 */
export async function readMember(
  { input, hasher }: ReadRequest,
  member: TarMember,
  diskFormat: Format,
  { format, details }: MemberFacts,
): Promise<ImageReader> {
  const needsOther = (other: string) =>
    unsupported(`${member.name} needs another file, ${JSON.stringify(other)}`);
  if (!diskFormat.read) throw new Error(`${diskFormat.name} has no reader`);
  const inner = await diskFormat.read({
    hasher,
    input: memberInput(input, member),
    openOther: (other) => Promise.reject(needsOther(other)),
  });
  const { backing, diskSize } = inner.facts;
  if (backing) throw needsOther(backing.file ?? 'a backing file');
  return {
    facts: {
      format,
      subformat: diskFormat.name,
      diskSize,
      details: { ...details, disk: member.name, ...inner.facts.details },
    },
    async *extents(from = 0) {
      for await (const extent of inner.extents(from)) {
        if (extent.kind === 'zeros') yield extent;
        else yield { ...extent, imageOffset: member.imageOffset + extent.imageOffset };
      }
    },
    check: () => inner.check(),
  };
}
