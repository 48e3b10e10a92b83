// The machine that an OVF describes: DSP0243 1.1 and 2.0, and VirtualBox's. Only what the disks and
// `info` need is decoded.

import { decodeXml, type XmlElement } from './decode-xml.ts';
import { damaged, unsupported } from './faults.ts';

/** A "File" of the References. */
export interface OvfFile {
  readonly id: string;
  /** Name of the member. */
  readonly href: string;
  /** In bytes; undefined if the OVF does not say. */
  readonly size: number | undefined;
  /** Such as gzip; undefined: none. */
  readonly compression: string | undefined;
  /** In bytes, if the file is split into several members. */
  readonly chunkSize: string | undefined;
}

/** A "Disk" of the DiskSection. */
export interface OvfDisk {
  readonly id: string;
  /** Undefined for an empty disk. */
  readonly fileRef: string | undefined;
  /** A URI. */
  readonly format: string;
  /** In bytes; undefined if the OVF does not say, or in unknown units. */
  readonly capacity: number | undefined;
  /** The disk below this one; undefined: it is whole. */
  readonly parentRef: string | undefined;
}

/** An "Item" of the VirtualHardwareSection: its properties by their names. */
export type OvfItem = ReadonlyMap<string, string>;

/** What an OVF describes. */
export interface OvfMachine {
  readonly files: readonly OvfFile[];
  readonly disks: readonly OvfDisk[];
  readonly items: readonly OvfItem[];
  /** Facts for `info`, in the order to show them. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** Limit of this program, in bytes; VMware products write some KiB for each device. */
export const MAX_OVF_SIZE = 2 ** 20;

/** Limit of this program on the files, the disks and the devices of a machine. */
const MAX_ENTRIES = 1000;

// The last two came with OVF 2.0.
const ITEMS = ['Item', 'StorageItem', 'EthernetPortItem'];

/** Decodes an OVF. Throws a FormatError if it is not one. */
export function decodeOvf(bytes: Uint8Array): OvfMachine {
  const envelope = decodeXml(new TextDecoder().decode(bytes));
  if (envelope.name !== 'Envelope') {
    throw damaged(`the root element of the OVF is ${envelope.name}, not Envelope`);
  }
  const items = ITEMS.flatMap((name) => all(envelope, name)).map(propertiesOf);
  const files = within(envelope, 'References', 'File');
  const disks = within(envelope, 'DiskSection', 'Disk');
  if (Math.max(files.length, disks.length, items.length) > MAX_ENTRIES) {
    throw unsupported(`the OVF has more than ${MAX_ENTRIES} files, disks or devices`);
  }
  return {
    files: files.map(fileOf),
    disks: disks.map(diskOf),
    items,
    details: detailsOf(envelope, items),
  };
}

function within(envelope: XmlElement, section: string, name: string): XmlElement[] {
  const sections = envelope.children.filter((child) => child.name === section);
  return sections.flatMap(({ children }) => children.filter((child) => child.name === name));
}

/** All elements with a name, at any depth. */
function all(element: XmlElement, name: string): XmlElement[] {
  const found = [element];
  for (const { children } of found) for (const child of children) found.push(child);
  return found.filter((each) => each.name === name);
}

function fileOf({ attributes }: XmlElement): OvfFile {
  const size = attributes.get('size');
  const compression = attributes.get('compression');
  return {
    id: attributes.get('id') ?? '',
    href: attributes.get('href') ?? '',
    size: size !== undefined && /^\d{1,16}$/.test(size) ? Number(size) : undefined,
    compression: compression === 'identity' || compression === '' ? undefined : compression,
    chunkSize: attributes.get('chunkSize'),
  };
}

function diskOf({ attributes }: XmlElement): OvfDisk {
  return {
    id: attributes.get('diskId') ?? '',
    fileRef: attributes.get('fileRef'),
    format: attributes.get('format') ?? '',
    capacity: capacityOf(attributes.get('capacity'), attributes.get('capacityAllocationUnits')),
    parentRef: attributes.get('parentRef'),
  };
}

/** A capacity in "programmatic units" of DSP0004: `byte`, `byte * 2^20`. */
function capacityOf(capacity = '', units = 'byte'): number | undefined {
  const unit = /^bytes?(?:\s*\*\s*(\d{1,2})\^(\d{1,2}))?$/.exec(units);
  if (!unit || !/^\d{1,16}$/.test(capacity)) return undefined;
  const [, base = '1', exponent = '1'] = unit;
  const bytes = Number(capacity) * Number(base) ** Number(exponent);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

function propertiesOf({ children }: XmlElement): OvfItem {
  return new Map(children.map(({ name, text }) => [name, text.trim()]));
}

// "ResourceType" of CIM_ResourceAllocationSettingData.
const PROCESSOR = '3';
const MEMORY = '4';
const ETHERNET_ADAPTER = '10';
const CONTROLLERS: Readonly<Record<string, string>> = { '5': 'IDE', '6': 'SCSI', '20': 'other' };

function detailsOf(
  envelope: XmlElement,
  items: readonly OvfItem[],
): Record<string, string | number> {
  const [system] = all(envelope, 'VirtualSystem');
  const [type] = all(envelope, 'VirtualSystemType');
  const [os] = all(envelope, 'OperatingSystemSection');
  const ofType = (wanted: string) => items.filter((item) => item.get('ResourceType') === wanted);
  const memory = ofType(MEMORY)[0];
  const firmware = all(envelope, 'Config').find(
    ({ attributes }) => attributes.get('key') === 'firmware',
  );
  const name = system?.children.find((child) => child.name === 'Name')?.text;
  const controllers = items.flatMap((item) => {
    const kind = CONTROLLERS[item.get('ResourceType') ?? ''];
    return kind === undefined ? [] : (item.get('ResourceSubType') ?? kind);
  });
  return given({
    machine: name ?? system?.attributes.get('id'),
    hardware: type?.text,
    'OS type': os?.attributes.get('osType') ?? os?.attributes.get('id'),
    CPUs: numberIn(ofType(PROCESSOR)[0]?.get('VirtualQuantity')),
    memory: memory && memoryOf(memory),
    firmware: firmware?.attributes.get('value'),
    controllers: controllers.join(', '),
    'network cards': ofType(ETHERNET_ADAPTER)
      .map((item) => item.get('ResourceSubType') ?? 'unnamed')
      .join(', '),
  });
}

/** Text that is no number is left as it is. */
function numberIn(text = ''): string | number {
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

function memoryOf(item: OvfItem): string {
  const units = item.get('AllocationUnits') ?? '';
  const isMebibytes = /^(?:byte\s*\*\s*2\^20|MegaBytes|MB)$/.test(units);
  return `${item.get('VirtualQuantity') ?? ''} ${isMebibytes ? 'MiB' : units}`;
}

function given(
  values: Readonly<Record<string, string | number | undefined>>,
): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const fact = typeof value === 'string' ? value.trim() : value;
      return fact === undefined || fact === '' ? [] : [[name, fact] as const];
    }),
  );
}
