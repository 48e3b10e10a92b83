import { basename } from 'node:path';
import { isRawDisk } from '../export/is-raw-disk.ts';
import { isRemote } from '../../remote/open-remote.ts';
import { shellWord } from '../../host/shell-word.ts';
import { nextInStore } from './next-in-store.ts';
import { printable } from './printable.ts';
import { imagesOf, type ReportedRun } from './report.ts';
import { formatTable } from './table.ts';

/** How an image is imported where its format is used most. */
interface Import {
  readonly where: string;
  /** `file` and `name`, of the image and of a machine, are words of a shell; `path` is not. */
  readonly command: (file: string, name: string, path: string) => string;
}

const IMPORTS: Readonly<Record<string, Import>> = {
  qcow2: { where: 'Proxmox', command: (file) => `qm importdisk VMID ${file} STORAGE` },
  raw: { where: 'bare metal', command: (file) => `kexport raw ${file} -o /dev/sdX --force` },
  'raw.gz': {
    where: 'bare metal',
    command: (file) => `zcat ${file} | dd of=/dev/sdX bs=1M conv=fsync`,
  },
  'raw.zst': {
    where: 'bare metal',
    command: (file) => `zstd -dc ${file} | dd of=/dev/sdX bs=1M conv=fsync`,
  },
  gce: {
    where: 'Google Cloud',
    command: (file, name) =>
      `gcloud storage cp ${file} gs://BUCKET/ && gcloud compute images create ${name} --source-uri gs://BUCKET/${file.replace(/^.*\//, '')} --guest-os-features UEFI_COMPATIBLE`,
  },
  vhd: {
    where: 'Azure',
    command: (file, name) =>
      `az storage blob upload --account-name ACCOUNT --type page -c CONTAINER -f ${file} -n ${name}.vhd && az disk create -g GROUP -n ${name} --source https://ACCOUNT.blob.core.windows.net/CONTAINER/${name}.vhd --hyper-v-generation V2`,
  },
  'vhd-dynamic': {
    where: 'Hyper-V',
    command: (file, name) => `New-VM -Name ${name} -Generation 1 -VHDPath ${file}`,
  },
  vhdx: {
    where: 'Hyper-V',
    command: (file, name) => `New-VM -Name ${name} -Generation 2 -VHDPath ${file}`,
  },
  vmdk: {
    where: 'ESXi',
    command: (file, name) => `vmkfstools -i ${file} ${name}-disk.vmdk -d thin`,
  },
  vdi: {
    where: 'VirtualBox',
    command: (file) =>
      `VBoxManage storageattach VM --storagectl SATA --port 0 --type hdd --medium ${file}`,
  },
  ova: {
    where: 'vSphere',
    command: (file) => `ovftool ${file} vi://USER@VCENTER/DATACENTER/host/HOST`,
  },
  vma: {
    where: 'Proxmox',
    // From standard input: of a file, Proxmox takes only its own names.
    command: (file) => `qmrestore - VMID --storage STORAGE < ${file}`,
  },
  incus: {
    where: 'Incus',
    command: (file, name) =>
      `incus image import ${file} ${file.replace(/incus\.tar\.gz('?)$/, 'qcow2$1')} --alias ${name}`,
  },
  'vagrant-libvirt': {
    where: 'Vagrant',
    command: (file, name) => `vagrant box add --name ${name} --provider libvirt ${file}`,
  },
  'vagrant-virtualbox': {
    where: 'Vagrant',
    command: (file, name) => `vagrant box add --name ${name} --provider virtualbox ${file}`,
  },
  containerdisk: {
    where: 'KubeVirt',
    command: (file, name) => `skopeo copy oci-archive:${file} docker://REGISTRY/${name}:latest`,
  },
};

/** Where else an image is imported. */
const MORE_IMPORTS: Readonly<Record<string, Import>> = {
  raw: { where: 'AWS', command: (file, _, path) => snapshotOf('RAW', file, path) },
  vmdk: { where: 'AWS', command: (file, _, path) => snapshotOf('VMDK', file, path) },
};

/** Takes the disk as it is: import-image looks into it, and refuses what it does not know. */
function snapshotOf(format: string, file: string, path: string): string {
  const key = basename(path);
  const from = shellWord(`Format=${format},UserBucket={S3Bucket=BUCKET,S3Key=${key}}`);
  return `aws s3 cp ${file} s3://BUCKET/ && aws ec2 import-snapshot --disk-container ${from}`;
}

const BY_BMAP: Import = {
  where: 'bare metal',
  command: (file) => `bmaptool copy ${file} /dev/sdX`,
};

/**
 * What to type next, a line for each image, and what was checked and summed; for people. Images
 * that went to a pipe or a device have no next step.
 */
export function nextSteps({ options, result, sources }: ReportedRun): string {
  const files = imagesOf(result).filter(({ name }) => isFile(name));
  const compared = options.verify
    ? `every image was read back and compared with ${printable(sources.join(', '))}\n`
    : '';
  const summed = options.checksums ? 'SHA256SUMS has the sums: sha256sum -c SHA256SUMS\n' : '';
  const isPrivate =
    files.every(({ name }) => isRemote(name)) ||
    result.fileMode === undefined ||
    options.mode !== undefined
      ? ''
      : 'the images hold all that the disk does, so they are for their owner alone (--mode)\n';
  const commands = files.flatMap((image) => {
    const { format, name } = image;
    if (options.zip && /\.zip$/i.test(name))
      return [['  unzip it first:', `unzip ${shellWord(name)}`]];
    const machine = basename(name, `.${format.extension}`);
    const stored = nextInStore(image, shellWord(machine));
    if (stored) return [[`  ${stored[0]}:`, stored[1]]];
    const first = options.bmap && isRawDisk(format) ? BY_BMAP : IMPORTS[format.name];
    return [first, MORE_IMPORTS[format.name]].flatMap((step) =>
      step ? [[`  ${step.where}:`, step.command(shellWord(name), shellWord(machine), name)]] : [],
    );
  });
  const next = commands.length === 0 ? '' : `next:\n${formatTable(commands)}`;
  return `${compared}${summed}${isPrivate}${next}`;
}

/** Files are not made in /dev, except in its shared memory. */
function isFile(name: string): boolean {
  return name !== 'standard output' && (!name.startsWith('/dev/') || name.startsWith('/dev/shm/'));
}
