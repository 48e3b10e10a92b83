// The files of a box, a tar. Specification: Vagrant, "Box File Format"; vagrant-libvirt, README;
// Vagrant's provider for VirtualBox, action/import.rb.

export const METADATA = 'metadata.json';
export const VAGRANTFILE = 'Vagrantfile';

/** The qcow2 of a box for libvirt, and the OVF of one for VirtualBox; no other names are found. */
export const LIBVIRT_DISK = 'box.img';
export const VIRTUALBOX_OVF = 'box.ovf';
export const VIRTUALBOX_DISK = 'box-disk001.vmdk';

/** The unit of "virtual_size". */
export const GIB = 2 ** 30;
