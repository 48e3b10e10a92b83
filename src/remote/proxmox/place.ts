import { KexportError } from '../../errors.ts';
import type { SendOptions } from '../store-options.ts';

/** The place of an image that Proxmox VE can import. */
export interface ProxmoxPlace {
  /** Address of the API, without a path. */
  readonly server: string;
  /** Name or address of the machine; one of IPv6 is without brackets, as ssh takes it. */
  readonly host: string;
  /** The node that it goes to; undefined if that is to be found out. */
  readonly node: string | undefined;
  readonly storage: string;
  /** Name of the file. */
  readonly fileName: string;
  /** As Proxmox calls it: `local:import/web1.qcow2`. */
  readonly volume: string;
  /** The whole as it is typed. */
  readonly name: string;
}

const PORT = 8006;

/** The formats that Proxmox imports, by the ending that it wants. */
const ENDINGS: Readonly<Record<string, string>> = {
  qcow2: '.qcow2',
  raw: '.raw',
  vmdk: '.vmdk',
  ova: '.ova',
};

/** Others are made to `_` by Proxmox. */
const FILE_NAME = /^[\w.-]+$/;

const ADDRESS =
  /^proxmox:\/\/(\[[\da-f:.]+\]|[\w.-]+)(?::(\d+))?\/([\w.-]+):import(?:\/([^/?]*))?(?:\?node=([\w-]+))?$/i;

/**
 * The place that `proxmox://HOST[:PORT]/STORAGE:import[/NAME][?node=NODE]` names. Without a name it
 * is that of the disk, which `description` has. Throws a KexportError.
 */
export function parseProxmox(
  name: string,
  { formatName = 'qcow2', description = '' }: Pick<SendOptions, 'formatName' | 'description'>,
): ProxmoxPlace {
  const [, inUrl = '', port = PORT, storage = '', file = '', node] = ADDRESS.exec(name) ?? [];
  if (inUrl === '') {
    throw new KexportError('usage', `${name} does not name a storage of Proxmox VE`, {
      hint: 'it looks like proxmox://HOST/STORAGE:import or proxmox://HOST/STORAGE:import/NAME.qcow2',
    });
  }
  const ending = ENDINGS[formatName];
  if (ending === undefined) {
    const what = `Proxmox VE imports qcow2, raw, vmdk and ova, not a ${formatName}`;
    throw new KexportError('usage', what, { hint: `kexport qcow2 DISK -o ${name}` });
  }
  const fileName = file === '' ? `${nameOf(description)}${ending}` : file;
  if (!FILE_NAME.test(fileName) || !fileName.endsWith(ending) || fileName === ending) {
    const what = `${fileName} is not a name for a ${formatName} in Proxmox VE`;
    throw new KexportError('usage', what, {
      hint: `it has letters, digits, - . _ only, and ends in ${ending}`,
    });
  }
  const volume = `${storage}:import/${fileName}`;
  const host = inUrl.replace(/[[\]]/g, '');
  const server = `https://${inUrl}:${port}`;
  const whole = `proxmox://${inUrl}${Number(port) === PORT ? '' : `:${port}`}/${volume}`;
  return { server, host, node, storage, fileName, volume, name: whole };
}

/** The name of a machine, by the path of its disk. */
function nameOf(description: string): string {
  const [last = ''] = description.split('/').slice(-1);
  const plain = last.replace(/\.(img|raw|qcow2|vmdk|vhdx?|vdi)$/i, '').replace(/[^\w.-]+/g, '-');
  return plain === '' || plain === '-' ? 'disk' : plain;
}
