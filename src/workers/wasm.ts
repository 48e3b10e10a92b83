import { host } from '#host';
import type { WasmName } from '../runtime/host.ts';

// All platforms have it, but TypeScript declares it only for browsers.
declare const WebAssembly: {
  readonly Instance: new (module: object) => { readonly exports: unknown };
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer;
  };
  compile(bytes: Uint8Array): Promise<object>;
};

const PAGE_SIZE = 65_536;

const modules = new Map<WasmName, Promise<object>>();

/** Whether WebAssembly is available. It is not under `--jitless`. */
export function hasWebAssembly(): boolean {
  return 'WebAssembly' in globalThis;
}

/** The exports of a new instance of one of kexport's own modules. Each module is compiled once. */
export async function instantiate(name: WasmName): Promise<unknown> {
  const module = modules.get(name) ?? host.wasm(name).then((bytes) => WebAssembly.compile(bytes));
  modules.set(name, module);
  return new WebAssembly.Instance(await module).exports;
}

/**
 * Allocates at least `size` bytes of shared memory, all zeros, that begins at a page. Throws where
 * that is not possible.
 */
export function sharedPages(size: number): SharedArrayBuffer {
  const pages = Math.ceil(size / PAGE_SIZE);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
}
