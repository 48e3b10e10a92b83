import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Disks } from './disk.ts';

/** Two commands that do the same, and the files that each makes. */
export interface Scenario {
  readonly name: string;
  readonly ours: Side;
  readonly peer: Side;
}

export interface Side {
  /** Runs once before the turns, to make what the command reads. */
  readonly prepare?: string;
  /** Runs once after them. */
  readonly cleanUp?: string;
  /** Runs before each turn. */
  readonly before?: string;
  readonly command: string;
  readonly outputs: readonly string[];
}

const FIXED = 'subformat=fixed,force_size';
/** The command, as it is built. */
export const MAIN = fileURLToPath(new URL('../bundle/kexport.cjs', import.meta.url));
const STREAM_OF_DISK = fileURLToPath(new URL('./stream-of-disk.js', import.meta.url));
const WITH_STORE = fileURLToPath(new URL('./with-store.js', import.meta.url));
const kexport = (node: string, name = '') => `"${node}" "${MAIN}" ${name} -q`;
const KEXPORT = kexport(process.execPath);

export function scenarios(disks: Disks, folder: string): Scenario[] {
  const ours = join(folder, 'ours');
  const peer = join(folder, 'peer');
  const disk = disks.usual;
  const input = join(folder, 'input.qcow2');
  const stream = join(folder, 'input.zfs');
  const convert = `qemu-img convert -f raw "${disk}"`;
  const leaveCache = `dd if="${disk}" iflag=nocache count=0 status=none`; // the programs stay in it
  return [
    {
      name: 'kexport --help, against node -e 0',
      ours: { command: `"${process.execPath}" "${MAIN}" --help`, outputs: [] },
      peer: { command: `"${process.execPath}" -e 0`, outputs: [] },
    },
    {
      name: 'qcow2, against qemu-img convert -c',
      ours: side(`${KEXPORT} qcow2 "${disk}" -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2, against qemu-img convert -c -m 16 -W',
      ours: side(`${KEXPORT} qcow2 "${disk}" -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -m 16 -W -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 with one thread, against qemu-img convert -c',
      ours: side(`${KEXPORT} qcow2 --threads 1 "${disk}" -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 with two threads, against qemu-img convert -c -m 2',
      ours: side(`${KEXPORT} qcow2 --threads 2 "${disk}" -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -m 2 -O qcow2`, `${peer}.qcow2`),
    },
    ...zstdNodes().map((node) => ({
      name: 'qcow2 with zstd, against qemu-img convert -c with zstd',
      ours: side(`${kexport(node)} qcow2 --compression zstd "${disk}" -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -O qcow2 -o compression_type=zstd`, `${peer}.qcow2`),
    })),
    {
      name: 'qcow2 of a sparse disk, against qemu-img convert -c',
      ours: side(`${KEXPORT} qcow2 "${disks.sparse}" -o`, `${ours}.qcow2`),
      peer: side(`qemu-img convert -f raw "${disks.sparse}" -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 of an incompressible disk, against qemu-img convert -c',
      ours: side(`${KEXPORT} qcow2 "${disks.noise}" -o`, `${ours}.qcow2`),
      peer: side(`qemu-img convert -f raw "${disks.noise}" -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 from a pipe, against qemu-img convert -c from the file',
      ours: side(`cat "${disk}" | ${KEXPORT} qcow2 - -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 of a zfs send stream, against kexport qcow2 of the same disk',
      ours: ofStream(disk, stream, ours),
      peer: side(`${KEXPORT} qcow2 "${disk}" -o`, `${peer}.qcow2`),
    },
    {
      name: 'qcow2 of a zfs send -c stream (lz4), against kexport qcow2 of the same disk',
      ours: ofStream(disk, stream, ours, 'lz4'),
      peer: side(`${KEXPORT} qcow2 "${disk}" -o`, `${peer}.qcow2`),
    },
    ...onDevice({
      name: 'qcow2 of a zfs send stream of an almost empty disk, against kexport qcow2 of its device',
      ours: () => ofStream(disks.empty, stream, ours),
      peer: (device) => side(`${KEXPORT} qcow2 "${device}" -o`, `${peer}.qcow2`),
      disk: disks.empty,
      link: join(folder, 'device'),
    }),
    {
      name: 'vmdk, against qemu-img convert to streamOptimized',
      ours: side(`${KEXPORT} vmdk "${disk}" -o`, `${ours}.vmdk`),
      peer: side(`${convert} -O vmdk -o subformat=streamOptimized`, `${peer}.vmdk`),
    },
    {
      name: 'raw, against qemu-img convert',
      ours: side(`${KEXPORT} raw "${disk}" -o`, `${ours}.raw`),
      peer: side(`${convert} -O raw`, `${peer}.raw`),
    },
    {
      name: 'raw, against qemu-img convert -t none',
      ours: side(`${KEXPORT} raw "${disk}" -o`, `${ours}.raw`),
      peer: side(`${convert} -t none -O raw`, `${peer}.raw`),
    },
    {
      name: 'raw of a file that is not in the page cache, against qemu-img convert',
      ours: { ...side(`${KEXPORT} raw "${disk}" -o`, `${ours}.raw`), before: leaveCache },
      peer: { ...side(`${convert} -O raw`, `${peer}.raw`), before: leaveCache },
    },
    ...onDevice({
      name: 'a device read into nothing, against dd iflag=direct',
      ours: (device) => ({ command: `${KEXPORT} raw "${device}" -o - > /dev/null`, outputs: [] }),
      peer: (device) => ({
        command: `dd if="${device}" of=/dev/null bs=1M iflag=direct status=none`,
        outputs: [],
      }),
      disk,
      link: join(folder, 'device'),
    }),
    {
      name: 'vhd, against qemu-img convert to fixed vpc',
      ours: side(`${KEXPORT} vhd "${disk}" -o`, `${ours}.vhd`),
      peer: side(`${convert} -O vpc -o ${FIXED}`, `${peer}.vhd`),
    },
    {
      name: 'vhdx, against qemu-img convert',
      ours: side(`${KEXPORT} vhdx "${disk}" -o`, `${ours}.vhdx`),
      peer: side(`${convert} -O vhdx`, `${peer}.vhdx`),
    },
    {
      name: 'vdi, against qemu-img convert',
      ours: side(`${KEXPORT} vdi "${disk}" -o`, `${ours}.vdi`),
      peer: side(`${convert} -O vdi`, `${peer}.vdi`),
    },
    {
      name: 'gce, against qemu-img convert, tar and pigz',
      ours: side(`${KEXPORT} gce "${disk}" -o`, `${ours}.tar.gz`),
      peer: googleArchive(convert, peer, 'pigz'),
    },
    {
      name: 'raw.gz, against pigz',
      ours: side(`${KEXPORT} raw.gz "${disk}" -o`, `${ours}.raw.gz`),
      peer: side(`pigz -c "${disk}" >`, `${peer}.raw.gz`),
    },
    ...withProgram('libdeflate-gzip', {
      name: 'raw.gz with one thread, against libdeflate-gzip',
      ours: side(`${KEXPORT} raw.gz --threads 1 "${disk}" -o`, `${ours}.raw.gz`),
      peer: side(`libdeflate-gzip -c "${disk}" >`, `${peer}.raw.gz`),
    }),
    ...withProgram('igzip', {
      name: 'raw.gz at level 1 with one thread, against igzip -1',
      ours: side(`${KEXPORT} raw.gz --level 1 --threads 1 "${disk}" -o`, `${ours}.raw.gz`),
      peer: side(`igzip -1 -c "${disk}" >`, `${peer}.raw.gz`),
    }),
    {
      name: 'raw and vhd in zip archives, against qemu-img convert and 7-Zip',
      ours: {
        command: `${KEXPORT} raw,vhd --zip "${disk}" --output-dir "${folder}" --name ours`,
        outputs: [`${ours}.raw.zip`, `${ours}.vhd.zip`],
      },
      peer: zipOfBoth(convert, disk, peer),
    },
    ...zstdNodes().map((node) => ({
      name: 'raw.zst, against zstd -T0',
      ours: side(`${kexport(node)} raw.zst "${disk}" -o`, `${ours}.raw.zst`),
      peer: side(`zstd -T0 -qc "${disk}" >`, `${peer}.raw.zst`),
    })),
    {
      name: 'verify a qcow2, against qemu-img compare',
      ours: {
        prepare: `${KEXPORT} qcow2 "${disk}" --force -o "${input}"`,
        command: `${kexport(process.execPath, 'verify')} "${input}" --against "${disk}"`,
        outputs: [],
      },
      peer: { command: `qemu-img compare -f qcow2 -F raw "${input}" "${disk}"`, outputs: [] },
    },
    {
      name: 'qcow2 to vmdk, against qemu-img convert to streamOptimized',
      ours: {
        prepare: `${KEXPORT} qcow2 "${disk}" --force -o "${input}"`,
        ...side(`${kexport(process.execPath, 'convert')} "${input}" vmdk -o`, `${ours}.vmdk`),
      },
      peer: side(
        `qemu-img convert -f qcow2 "${input}" -O vmdk -o subformat=streamOptimized`,
        `${peer}.vmdk`,
      ),
    },
    ...[
      ['raw to EBS', 'ebs', 'raw'],
      ['vhd to a page blob', 'azure', 'vhd'],
    ].map(([what = '', kind = '', format = '']) => {
      const send = (milliseconds: number) =>
        `"${process.execPath}" "${WITH_STORE}" ${kind} ${milliseconds} ${KEXPORT} ${format} "${disk}" -o STORE`;
      return {
        name: `${what} at 20 ms a request, against the same at once`,
        ours: { command: send(20), outputs: [] },
        peer: { command: send(0), outputs: [] },
      };
    }),
    {
      name: 'all, against five runs of qemu-img and tar',
      ours: {
        command: `${KEXPORT} all "${disk}" --output-dir "${folder}" --name ours`,
        outputs: ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'].map((extension) => `${ours}.${extension}`),
      },
      peer: pipeline(convert, peer),
    },
  ];
}

/**
 * A scenario on a loop device, which like any device does not say where it is empty. Needs root.
 */
function onDevice(what: {
  readonly name: string;
  /** What is run on a device. */
  readonly ours: (device: string) => Side;
  readonly peer: (device: string) => Side;
  readonly disk: string;
  /** The name that it gets for the time of the scenario. */
  readonly link: string;
}): Scenario[] {
  const { name, ours, peer, disk, link } = what;
  const loop = `losetup --find --show --read-only --direct-io=on "${disk}"`;
  if (process.getuid?.() !== 0) {
    process.stderr.write(`${name}: left out, as only root can do that\n`);
    return [];
  }
  return [
    {
      name,
      ours: ours(link),
      peer: {
        ...peer(link),
        prepare: `ln -sfn "$(${loop})" "${link}"`,
        cleanUp: `if [ -b "${link}" ]; then losetup --detach "$(readlink "${link}")"; fi`,
      },
    },
  ];
}

/** A scenario whose peer may not be installed. */
function withProgram(program: string, scenario: Scenario): Scenario[] {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return [scenario];
  process.stderr.write(`${scenario.name}: left out, as there is no ${program}\n`);
  return [];
}

/** 7-Zip takes as many threads as there are, and no other packer of Debian's does. */
function zipOfBoth(convert: string, disk: string, peer: string): Side {
  const steps = [
    `7zz a -tzip -mx=5 -bso0 -bsp0 ${peer}.raw.zip "${disk}"`,
    `${convert} -O vpc -o ${FIXED} ${peer}.vhd`,
    `7zz a -tzip -mx=5 -bso0 -bsp0 ${peer}.vhd.zip ${peer}.vhd`,
    `rm ${peer}.vhd`,
  ];
  const outputs = [`${peer}.raw.zip`, `${peer}.vhd.zip`];
  return { command: [...steps, `sync ${outputs.join(' ')}`].join(' && '), outputs };
}

function ofStream(disk: string, stream: string, ours: string, compression = ''): Side {
  return {
    prepare: `"${process.execPath}" "${STREAM_OF_DISK}" "${disk}" "${stream}" ${compression}`,
    ...side(`${KEXPORT} qcow2 "${stream}" -o`, `${ours}.qcow2`),
  };
}

/** An image in that format and its SHA-256, by one thread. */
export function withChecksums(disk: string, format: string, folder: string): Side {
  const command = `${KEXPORT} ${format} --threads 1 --checksums --output-dir "${folder}" --name command "${disk}"`;
  return { command, outputs: [join(folder, `command.${format}`), join(folder, 'SHA256SUMS')] };
}

/** Syncs what was written, as kexport has done by then and others have not. */
function side(command: string, output: string): Side {
  return { command: `${command} "${output}" && sync "${output}"`, outputs: [output] };
}

/** A Node with zstd: this one, or one from the package registry; undefined without either. */
function zstdNodes(): string[] {
  const script = "'zstdCompressSync' in zlib && console.log(process.execPath)";
  const own = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim();
  if (own !== '') return [own];
  const args = ['--yes', '--package=node@24', '--', 'node', '-e', script];
  const other = spawnSync('npx', args, { encoding: 'utf8' }).stdout.trim();
  return other === '' ? [] : [other];
}

/** What Google documents: a disk of whole GiB, in a sparse tar of the old GNU format. */
function googleArchive(convert: string, peer: string, compressor: string): Side {
  const folder = `${peer}.gce`;
  const archive = `${peer}.tar.gz`;
  const tar = `tar -C "${folder}" --format=oldgnu -S --use-compress-program=${compressor} -cf "${archive}" disk.raw`;
  const steps = [
    `mkdir -p "${folder}"`,
    `${convert} -O raw "${folder}/disk.raw"`,
    `truncate --size %1G "${folder}/disk.raw"`,
    tar,
    `rm -r "${folder}"`,
    `sync "${archive}"`,
  ];
  return { command: steps.join(' && '), outputs: [archive] };
}

/** The commands of kldload's script, one after the other. */
function pipeline(convert: string, peer: string): Side {
  const streamOptimized = `${convert} -O vmdk -o subformat=streamOptimized`;
  const steps = [
    `${convert} -c -O qcow2 ${peer}.qcow2`,
    `${convert} -O raw ${peer}.raw`,
    `${convert} -O vpc -o ${FIXED} ${peer}.vhd`,
    `${streamOptimized} ${peer}.vmdk`,
    `${streamOptimized} ${peer}-disk.vmdk`,
    `tar -C ${dirname(peer)} -cf ${peer}.ova ${basename(peer)}-disk.vmdk`,
    `rm ${peer}-disk.vmdk`,
  ];
  const outputs = ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'].map((extension) => `${peer}.${extension}`);
  return { command: [...steps, `sync ${outputs.join(' ')}`].join(' && '), outputs };
}
