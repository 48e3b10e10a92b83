import { host } from '#host';
import type { WasmName } from '../runtime/host.ts';

// Every platform of ours has it; TypeScript knows it only of browsers.
declare const WebAssembly: {
  readonly Instance: new (module: object) => { readonly exports: unknown };
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer;
  };
  compile(bytes: Uint8Array): Promise<object>;
};

const PAGE_SIZE = 65_536;

const modules = new Map<WasmName, Promise<object>>();

/** Whether there is WebAssembly: not under `--jitless`. */
export function hasWebAssembly(): boolean {
  return 'WebAssembly' in globalThis;
}

/** What a new instance of a module of kexport's own exports. The module is compiled once. */
export async function instantiate(name: WasmName): Promise<unknown> {
  const module = modules.get(name) ?? host.wasm(name).then((bytes) => WebAssembly.compile(bytes));
  modules.set(name, module);
  return new WebAssembly.Instance(await module).exports;
}

/**
 * Shared memory of at least `size` bytes, zeros, that begins at a page. Throws where that cannot be
 * had.
 */
export function sharedPages(size: number): SharedArrayBuffer {
  const pages = Math.ceil(size / PAGE_SIZE);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
}
