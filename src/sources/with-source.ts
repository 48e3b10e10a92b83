import type { Source } from './source.ts';

/** All members of a source, required so that the compiler finds one that is forgotten below. */
type Members = { readonly [Name in keyof Source]-?: Source[Name] | undefined };

/** Members that replace those of a source. `read: undefined` removes random access. */
export type Replaced = { readonly [Name in keyof Source]?: Source[Name] | undefined };

/**
 * Wraps a source and replaces some of its members. All others are looked up in `source` on each
 * access, since its size may become known only at the end. A getter in `replaced` stays a getter.
 */
export function withSource(source: Source, replaced: Replaced): Source {
  const members: Members = {
    get name() {
      return source.name;
    },
    get origin() {
      return source.origin;
    },
    get size() {
      return source.size;
    },
    get dataSize() {
      return source.dataSize;
    },
    get gaps() {
      return source.gaps;
    },
    get snapshotGuid() {
      return source.snapshotGuid;
    },
    next: (buffer, signal) => source.next(buffer, signal),
    read: source.read?.bind(source),
    close: () => source.close(),
  };
  Object.defineProperties(members, Object.getOwnPropertyDescriptors(replaced));
  return members as Source; // members that may be undefined are optional in Source
}
