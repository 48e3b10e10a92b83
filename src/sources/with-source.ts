import type { Source } from './source.ts';

/** All that a source has, so that none of it is forgotten below. */
type Members = { readonly [Name in keyof Source]-?: Source[Name] | undefined };

/**
 * What another source has in place of its own; `read: undefined` leaves it without random access.
 */
export type Replaced = { readonly [Name in keyof Source]?: Source[Name] | undefined };

/**
 * A source that is another one but for what is replaced. The rest is asked of that one each time,
 * as its size may become known at its end. A getter in `replaced` remains one.
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
    get snapshotGuid() {
      return source.snapshotGuid;
    },
    next: (buffer, signal) => source.next(buffer, signal),
    read: source.read?.bind(source),
    close: () => source.close(),
  };
  Object.defineProperties(members, Object.getOwnPropertyDescriptors(replaced));
  return members as Source; // what may be undefined in it may be missing in a source
}
