import type { BuildOptions, Plugin } from 'esbuild';
import { dirname, join } from 'node:path';

/** xmlbuilder2 loads a reader of YAML, for which it is never used here. */
export const NO_YAML: Plugin = {
  name: 'no YAML',
  setup(bundle) {
    bundle.onResolve({ filter: /^js-yaml$/ }, ({ path }) => ({ path, namespace: 'nothing' }));
    bundle.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }));
  },
};

/** It also loads two modules of Node, for parts of it that are never used here either. */
const NO_NODE: Plugin = {
  name: 'no Node',
  setup(bundle) {
    bundle.onResolve({ filter: /^(events|url)$/ }, ({ path }) => ({ path, namespace: 'absent' }));
    bundle.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: 'exports.EventEmitter = class {};',
    }));
  },
};

/** Has a bundle find its workers in itself. */
export const INSIDE: Plugin = {
  name: 'inside',
  setup(bundle) {
    bundle.onResolve({ filter: /\/browser-files\.(js|ts)$/ }, ({ path, importer }) => ({
      path: join(dirname(importer), path.replace('browser-files.', 'browser-files-inside.')),
    }));
  },
};

/** How a bundle for browsers differs from one for Node: package.json maps `#host` and others. */
export const BROWSER = {
  platform: 'browser',
  target: 'es2022',
  inject: ['packaging/buffer.js'],
  plugins: [NO_YAML, NO_NODE],
} as const satisfies Omit<BuildOptions, 'plugins'> & { readonly plugins: readonly Plugin[] };
