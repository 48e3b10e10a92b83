import type { Format } from '../contract.ts';
import { qcow2 } from '../qcow2/index.ts';
import { memberName } from '../tar/decode-tar.ts';
import { LAYOUT_FILE } from './layout.ts';

/** An image of a container, with a qcow2 as its only file, from which KubeVirt starts a machine. */
export function containerdisk(): Format {
  const diskFormat = qcow2();
  return {
    name: 'containerdisk',
    title: 'OCI archive with a qcow2 (KubeVirt)',
    extension: 'oci.tar',
    streaming: 'never', // the layer is named by its hash
    readsBack: true,
    maxDiskSize: diskFormat.maxDiskSize,
    sizeMultiple: diskFormat.sizeMultiple,
    encoding: (choice) => diskFormat.encoding(choice),
    write: async (request) =>
      (await import('./writer.ts')).containerdiskWriter(request, diskFormat),
    matches: (head) => {
      const name = memberName(head);
      return name !== undefined && (name === LAYOUT_FILE || /^blobs\/(sha256\/|$)/.test(name));
    },
    read: async (request) => (await import('./reader.ts')).readContainerdisk(request, diskFormat),
  };
}
