declare module 'postject' {
  /** Puts a section into an executable file, and sets the mark that says so. */
  export function inject(
    path: string,
    section: string,
    content: Uint8Array,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
