/**
 * The importers that the OVF is for. `vmware` keeps to the standard and imports everywhere, but in
 * VirtualBox the machine starts with BIOS. `both` adds VirtualBox's own description, which the
 * schema of the standard does not allow and other importers skip. `virtualbox` also has its
 * hardware family, which ESXi refuses.
 */
export type Profile = 'vmware' | 'both' | 'virtualbox';
