import type { BundledPackage } from './licenses.ts';
import { ARCHITECTURES, NODE_BUILDS, NODE_VERSION } from './node-builds.ts';

/**
 * What is inside kexport, as CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json): the
 * packages in its bundles, and the builds of Node in the executables.
 */
export function sbomOf(version: string, date: Date, packages: readonly BundledPackage[]): string {
  const kexport = componentOf('application', { name: 'kexport', version, license: 'MIT' });
  const components = [...packages.map((one) => componentOf('library', one)), ...nodeComponents()];
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: date.toISOString(), component: kexport },
    components,
    dependencies: [{ ref: kexport.purl, dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

function componentOf(
  type: 'application' | 'library' | 'platform',
  { name, version, license }: Omit<BundledPackage, 'licenseText'>,
) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type, 'bom-ref': purl, name, version, licenses: [{ expression: license }], purl };
}

function nodeComponents() {
  return ARCHITECTURES.map((arch) => {
    const name = `node-linux-${arch}`;
    const base64 = NODE_BUILDS[arch].replace('sha512-', '');
    return {
      ...componentOf('platform', { name, version: NODE_VERSION, license: 'MIT' }),
      description: 'only in the executables and in the packages of Linux',
      hashes: [{ alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') }],
    };
  });
}
