import type { Format, ImageReader, ReadRequest } from '../contract.ts';
import { machineOf, type MachineOptions } from '../machine.ts';
import type { None } from '../none.ts';
import { vmdk } from '../vmdk/index.ts';
import { memberName } from '../tar/decode-tar.ts';
import type { ManifestAlgorithm } from './encode-manifest.ts';
import type { Profile } from './profile.ts';
import { maxDisks } from './disk-slots.ts';
import { DISK_CONTROLLERS } from './hardware.ts';

/** Options of `ova`: either to write an OVA or to read one. */
export type OvaOptions = OvaWriteOptions | OvaReadOptions;

/** Options to write an OVA. */
export interface OvaWriteOptions extends MachineOptions {
  /**
   * Default: vmware, which imports everywhere. VirtualBox needs `both` if the machine is to start
   * with EFI.
   */
  readonly profile?: Profile | undefined;
  /** How the files are hashed. Default: sha256; ESXi 6.0 and older read only sha1. */
  readonly manifest?: ManifestAlgorithm | 'none' | undefined;
  /** For reading: see {@link OvaReadOptions}. */
  readonly ovaDisk?: undefined;
}

/** Options to read an OVA. */
export interface OvaReadOptions extends None<Omit<OvaWriteOptions, 'ovaDisk'>> {
  /** Which of its disks to read, by its diskId or its file. Default: the first. */
  readonly ovaDisk?: string | undefined;
}

/**
 * A machine: an OVF, a manifest and a streamOptimized VMDK for each disk in a tar. Throws a
 * FormatError for options that no importer accepts.
 */
export function ova(options: OvaOptions = {}): Format {
  const { adapterType } = DISK_CONTROLLERS[machineOf('ova', options).diskController];
  return ovaOf(vmdk({ adapterType }), options);
}

/** The same with another format of the disks, which must only append if it knows their sizes. */
export function ovaOf(diskFormat: Format, options: OvaOptions = {}): Format {
  const { profile = 'vmware', manifest = 'sha256' } = options;
  const machine = machineOf('ova', options);
  const contents = { diskFormat, machine, profile, manifest };
  return {
    name: 'ova',
    title: 'OVA, a whole machine (VMware, VirtualBox, Proxmox)',
    extension: 'ova',
    streaming: 'never', // the OVF and the manifest describe the disk that follows them
    needsDiskSize: true, // a hash cannot go back to the header of the disk, which has the size
    maxDiskSize: diskFormat.maxDiskSize,
    sizeMultiple: diskFormat.sizeMultiple,
    encoding: (choice) => diskFormat.encoding(choice),
    machineOptions: [
      'cpus',
      'memory',
      'firmware',
      'hwVersion',
      'osType',
      'diskController',
      'nic',
      'vmName',
    ],
    // Writer and reader are loaded on demand: loading the XML library takes longer than `--help`.
    write: async (request) => {
      const { ovaWriter } = await import('./writer.ts');
      return ovaWriter(request, contents);
    },
    machine: {
      maxDisks: maxDisks(machine.diskController, profile),
      write: async (request) => {
        const { ovaMachineWriter } = await import('./writer.ts');
        return ovaMachineWriter(request, contents);
      },
    },
    matches: (head) => memberName(head)?.endsWith('.ovf') === true,
    read: (request) => readMachine(request, options.ovaDisk),
  };
}

/** Reads an archive, or an OVF whose disks are beside it. */
async function readMachine(request: ReadRequest, disk: string | undefined): Promise<ImageReader> {
  const { input } = request;
  const head = await input.read(0, Math.min(input.size, TEXT_HEAD));
  if (!isXml(head)) return (await import('./reader.ts')).readOva(request, disk);
  return (await import('./ovf-reader.ts')).readOvf(request, disk);
}

/** Bytes within which XML has begun. */
const TEXT_HEAD = 512;

/** XML begins with `<`, perhaps after a byte order mark and white space; a tar with a name. */
function isXml(head: Uint8Array): boolean {
  return /^\uFEFF?\s*<(\?xml|!--|(\w+:)?Envelope)/.test(new TextDecoder().decode(head));
}
