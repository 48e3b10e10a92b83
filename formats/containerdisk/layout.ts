// An image of a container in a tar, with a disk in its only layer. Specification: Open Container
// Initiative, Image Format Specification 1.0; KubeVirt's, docs "containerDisk".

/** The first file of the layout, and what it says. */
export const LAYOUT_FILE = 'oci-layout';
export const LAYOUT = { imageLayoutVersion: '1.0.0' };

/** Lists the manifest. */
export const INDEX_FILE = 'index.json';

/** Blobs are named by their SHA-256 in this folder. */
export const BLOBS = 'blobs/sha256/';

/** The folder of the layer, in which KubeVirt wants exactly one file. */
export const DISK_FOLDER = 'disk/';

/** KubeVirt's user and group "qemu", which must be able to read the disk. */
export const QEMU = 107;
export const FOLDER_MODE = 0o555;
export const FILE_MODE = 0o444;

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;
