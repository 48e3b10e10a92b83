// Node's Buffer, for the bundles of browsers: esbuild puts it where one is named.
export { Buffer } from 'buffer/';
