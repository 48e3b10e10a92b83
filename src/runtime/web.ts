// What a browser has and Node's types lack, as far as it is used here.

/** A thread of a browser. */
export interface WebWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
}

/** An end of a channel. */
export interface WebPort {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: (() => void) | null;
}

/** A file of a browser's own storage, open to read and write. Its calls block. */
export interface SyncAccessHandle {
  read(target: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  close(): void;
}

/** A file of a browser's own storage. */
export interface StoredFile {
  getFile(): Promise<Blob & { readonly lastModified: number }>;
  /** Only in a worker. */
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
}

/** A folder of a browser's own storage. */
export interface StoredFolder {
  getFileHandle(name: string, options: { readonly create: boolean }): Promise<StoredFile>;
  removeEntry(name: string): Promise<void>;
  entries(): AsyncIterable<readonly [name: string, entry: StoredFile]>;
}

/** The globals of a page or a worker; undefined where the browser lacks them. */
export const web = globalThis as unknown as {
  readonly crossOriginIsolated?: boolean;
  readonly navigator: {
    readonly hardwareConcurrency?: number;
    readonly storage?: { getDirectory?(): Promise<StoredFolder> };
  };
  readonly Worker: new (
    script: URL | string,
    options?: { readonly type: 'module' | 'classic' },
  ) => WebWorker;
  readonly MessageChannel: new () => { readonly port1: WebPort; readonly port2: WebPort };
  postMessage(message: unknown): void;
  reportError(error: unknown): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onunhandledrejection: ((event: { readonly reason: unknown }) => void) | null;
};
