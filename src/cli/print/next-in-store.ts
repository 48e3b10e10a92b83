import { shellWord } from '../../host/shell-word.ts';
import type { ImageResult } from '../../export/image.ts';

/** What to type next for an image in a store: where, and the command. */
export type NextInStore = (image: ImageResult, machine: string) => readonly [string, string];

/** How EC2 names the formats that it imports. */
const EC2_FORMATS: Readonly<Record<string, string>> = {
  raw: 'RAW',
  vmdk: 'VMDK',
  vhd: 'VHD',
  'vhd-dynamic': 'VHD',
  vhdx: 'VHDX',
};

const STORES: readonly (readonly [RegExp, NextInStore])[] = [
  [/^s3:/i, nextInS3],
  [/^ebs:/i, nextInEbs],
  [/^gs:/i, nextInGoogleCloud],
  [/^oci:/i, nextInRegistry],
  [/^proxmox:/i, nextInProxmox],
  [/^https?:/i, nextInAzure],
];

/** What to type next for an image in a store; undefined for one on this machine. */
export function nextInStore(
  image: ImageResult,
  machine: string,
): readonly [string, string] | undefined {
  return STORES.find(([names]) => names.test(image.name))?.[1](image, machine);
}

function nextInS3({ format, name }: ImageResult): readonly [string, string] {
  const kind = EC2_FORMATS[format.name];
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/(.*)$/i.exec(name) ?? [];
  if (kind === undefined || /["\\]/.test(key)) {
    return ['from there', `aws s3 cp ${shellWord(name)} .`];
  }
  const place = { Format: kind, UserBucket: { S3Bucket: bucket, S3Key: key } };
  return ['AWS', `aws ec2 import-snapshot --disk-container ${shellWord(JSON.stringify(place))}`];
}

function nextInEbs({ ids = {} }: ImageResult): readonly [string, string] {
  const { snapshotId = '', region = '' } = ids;
  const where = `--region ${region}`;
  const disk = `DeviceName=/dev/xvda,Ebs={SnapshotId=${snapshotId},VolumeType=gp3}`;
  return [
    'AWS',
    `aws ec2 wait snapshot-completed ${where} --snapshot-ids ${snapshotId} && aws ec2 register-image ${where} --name NAME --architecture x86_64 --virtualization-type hvm --ena-support --boot-mode uefi --root-device-name /dev/xvda --block-device-mappings '${disk}'`,
  ];
}

function nextInGoogleCloud(
  { format, name }: ImageResult,
  machine: string,
): readonly [string, string] {
  const place = shellWord(name);
  return [
    'Google Cloud',
    format.name === 'gce'
      ? `gcloud compute images create ${machine} --source-uri ${place} --guest-os-features UEFI_COMPATIBLE`
      : `gcloud storage cp ${place} .`,
  ];
}

function nextInRegistry({ name }: ImageResult): readonly [string, string] {
  const image = name.replace(/^oci:\/\//i, '');
  const [, machine = 'vm'] = /([^/:]+):[^/:]*$/.exec(image) ?? [];
  const disk = `--volume-containerdisk src:${image}`;
  return ['KubeVirt', `virtctl create vm --name ${machine} ${disk} | kubectl create -f -`];
}

function nextInProxmox(
  { format, ids = {} }: ImageResult,
  machine: string,
): readonly [string, string] {
  const { volid = '' } = ids;
  const name = machine.replace(/[^\w.-]/g, '-');
  return [
    'Proxmox',
    format.name === 'ova'
      ? `qm import VMID ${volid} --storage STORAGE`
      : `qm create VMID --name ${name} --memory 4096 --bios ovmf --efidisk0 STORAGE:1 --scsihw virtio-scsi-single --scsi0 STORAGE:0,import-from=${volid} --boot order=scsi0`,
  ];
}

function nextInAzure({ name }: ImageResult, machine: string): readonly [string, string] {
  const isManagedDisk = name.startsWith('https://md-');
  return [
    'Azure',
    isManagedDisk
      ? 'az disk revoke-access -g GROUP -n DISK && az vm create -g GROUP -n NAME --attach-os-disk DISK --os-type Linux'
      : `az disk create -g GROUP -n ${machine} --source ${shellWord(name)} --os-type Linux --hyper-v-generation V2`,
  ];
}
