import { paddingAfter } from '../rounding.ts';
import { FOLDER, GNU, header, REGULAR_FILE, TAR_BLOCK, USTAR } from './layout.ts';

const MODE = 0o644;

/** A file in an archive, or a folder. */
export interface Member {
  /** ASCII, at most MAX_MEMBER_NAME bytes; that of a folder ends in a slash. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Seconds since 1970, UTC. */
  readonly mtime: number;
  /** Permissions. Default: 0644. */
  readonly mode?: number | undefined;
  /** The owner's number, also that of the group. Default: 0, root. */
  readonly owner?: number | undefined;
  /** Whether to name GNU's format, for programs that accept no other. Default: POSIX's. */
  readonly isGnu?: boolean | undefined;
}

/** Encodes the header of a member, in TAR_BLOCK bytes. */
export function encodeTarHeader(member: Member): Uint8Array {
  const { name, size, mtime, mode = MODE, owner = 0, isGnu = false } = member;
  const values = {
    name,
    mode,
    uid: owner,
    gid: owner,
    size,
    mtime,
    checksum: ' '.repeat(8), // the checksum counts its own bytes as spaces
    typeflag: name.endsWith('/') ? FOLDER : REGULAR_FILE,
    linkname: '',
    ...(isGnu ? GNU : { magic: USTAR, version: '00' }),
    uname: '',
    gname: '',
    devmajor: 0,
    devminor: 0,
    prefix: '',
    padding: '',
  };
  const sum = header.encode(values).reduce((total, byte) => total + byte, 0);
  const checksum = `${sum.toString(8).padStart(6, '0')}\0 `;
  return header.encode({ ...values, checksum });
}

/** Encodes a whole member, in pieces that follow each other. */
export function encodeMember(file: Omit<Member, 'size'> & { bytes: Uint8Array }): Uint8Array[] {
  const { bytes, ...rest } = file;
  const padding = new Uint8Array(paddingAfter(bytes.length, TAR_BLOCK));
  return [encodeTarHeader({ ...rest, size: bytes.length }), bytes, padding];
}
