// What makes a machine itself, in its files: what a golden image must not have, and what it keeps.

/** What becomes of a file in the image. */
export type IdentityAction =
  | 'remove'
  /** The file stays, with its owner and permissions, and is empty. */
  | 'empty';

/** Files of one kind. */
export interface IdentityRule {
  /** For people: "SSH host keys". */
  readonly what: string;
  /**
   * Paths from the root, without the slash at their start. `*` is anything in one name, `**` at the
   * end everything below a folder. Links are not followed.
   */
  readonly paths: readonly string[];
  readonly action: IdentityAction;
}

/** Shells, editors and pagers write down what was typed. */
const HISTORIES = [
  ...['.bash_history', '.zsh_history', '.ash_history', '.sh_history', '.python_history'],
  ...['.lesshst', '.viminfo', '.mysql_history', '.psql_history', '.sqlite_history'],
];

/** What the image loses, in the order in which it is shown. */
export const REMOVED: readonly IdentityRule[] = [
  {
    // systemd writes a new one at the next boot. If the file were missing, or said "uninitialized",
    // that boot would count as the first, and reset which services are enabled: machine-id(5).
    what: 'machine-id',
    paths: ['etc/machine-id'],
    action: 'empty',
  },
  { what: 'machine-id of D-Bus', paths: ['var/lib/dbus/machine-id'], action: 'remove' },
  {
    what: 'SSH host keys',
    paths: [
      'etc/ssh/ssh_host_*_key',
      'etc/ssh/ssh_host_*_key.pub',
      'etc/ssh/ssh_host_*_key-cert.pub',
      'etc/dropbear/dropbear_*_host_key',
    ],
    action: 'remove',
  },
  {
    what: 'random seeds',
    paths: [
      'var/lib/systemd/random-seed',
      'var/lib/urandom/random-seed',
      'var/lib/random-seed',
      'var/lib/seedrng/**',
    ],
    action: 'remove',
  },
  {
    what: 'the key of systemd-creds',
    paths: ['var/lib/systemd/credential.secret'],
    action: 'remove',
  },
  {
    what: 'DHCP leases',
    paths: [
      'var/lib/dhcp/*.leases*',
      'var/lib/dhclient/*.lease*',
      'var/lib/dhcpcd/**',
      'var/lib/dhcpcd5/**',
      'etc/dhcpcd.duid',
      'var/lib/systemd/network/**',
      'var/lib/NetworkManager/*.lease',
    ],
    action: 'remove',
  },
  {
    what: 'the state of NetworkManager',
    paths: [
      'var/lib/NetworkManager/secret_key',
      'var/lib/NetworkManager/seen-bssids',
      'var/lib/NetworkManager/timestamps',
    ],
    action: 'remove',
  },
  {
    what: 'names of network cards',
    paths: ['etc/udev/rules.d/70-persistent-*.rules', 'etc/udev/rules.d/75-persistent-*.rules'],
    action: 'remove',
  },
  {
    what: 'the state of cloud-init',
    paths: [
      'var/lib/cloud/instance',
      'var/lib/cloud/instances/**',
      'var/lib/cloud/data/**',
      'var/lib/cloud/sem/**',
      'var/lib/cloud/handlers/**',
      'etc/netplan/50-cloud-init.yaml',
      'etc/network/interfaces.d/50-cloud-init',
    ],
    action: 'remove',
  },
  {
    // It has the guid of the source's pool, and its devices.
    what: 'the list of pools',
    paths: ['etc/zfs/zpool.cache', 'etc/zfs/zpool.cache.tmp'],
    action: 'remove',
  },
  { what: 'the journal', paths: ['var/log/journal/**'], action: 'remove' },
  {
    what: 'memory of crashed programs',
    paths: ['var/lib/systemd/coredump/**', 'var/crash/**'],
    action: 'remove',
  },
  { what: 'logs', paths: ['var/log/**'], action: 'empty' },
  { what: 'temporary files', paths: ['tmp/**', 'var/tmp/**'], action: 'remove' },
  {
    what: 'what was typed',
    paths: ['root', 'home/*'].flatMap((home) => HISTORIES.map((name) => `${home}/${name}`)),
    action: 'remove',
  },
];

/** What stays although it may be of this machine alone, and why; for the plan and the docs. */
export const KEPT: readonly { readonly paths: readonly string[]; readonly why: string }[] = [
  {
    paths: ['etc/hostid'],
    why: 'the initramfs has a copy, and would refuse a pool that another hostid has imported',
  },
  { paths: ['etc/hostname'], why: 'it is yours to change, or cloud-init does' },
  { paths: ['etc/iscsi/initiatorname.iscsi'], why: 'storage may be bound to that name' },
  { paths: ['etc/nvme/hostnqn', 'etc/nvme/hostid'], why: 'storage may be bound to that name' },
  { paths: ['etc/krb5.keytab', 'etc/wireguard/*.conf'], why: 'nothing makes it anew' },
  {
    paths: ['var/lib/tailscale/*.state', 'etc/salt/pki/minion/*.pem', 'etc/puppetlabs/puppet/ssl'],
    why: 'a service knows this machine by it: register the copy anew',
  },
  { paths: ['etc/ssl/private/*', 'etc/letsencrypt/live'], why: 'services need their keys' },
  { paths: ['root/.ssh/id_*', 'home/*/.ssh/id_*'], why: 'keys of people are not of the machine' },
  {
    paths: ['etc/dropbear/initramfs/*_host_key', 'etc/dropbear-initramfs/*_host_key'],
    why: 'the initramfs has a copy: make both anew',
  },
];
