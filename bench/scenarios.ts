import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Disks } from './disk.ts';

/** Two commands that do the same, and the files that each leaves. */
export interface Scenario {
  readonly name: string;
  readonly ours: Side;
  readonly peer: Side;
}

export interface Side {
  /** Run once before the turns, to make what the command reads. */
  readonly prepare?: string;
  readonly command: string;
  readonly outputs: readonly string[];
}

const FIXED = 'subformat=fixed,force_size';
const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const kexport = (node: string, name = '') => `"${node}" "${MAIN}" ${name} -q`;
const KEXPORT = kexport(process.execPath);

export function scenarios(disks: Disks, folder: string): Scenario[] {
  const ours = join(folder, 'ours');
  const peer = join(folder, 'peer');
  const disk = disks.usual;
  const input = join(folder, 'input.qcow2');
  const convert = `qemu-img convert -f raw "${disk}"`;
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
      name: 'vmdk, against qemu-img convert to streamOptimized',
      ours: side(`${KEXPORT} vmdk "${disk}" -o`, `${ours}.vmdk`),
      peer: side(`${convert} -O vmdk -o subformat=streamOptimized`, `${peer}.vmdk`),
    },
    {
      name: 'raw, against qemu-img convert, both synced',
      ours: side(`${KEXPORT} raw "${disk}" -o`, `${ours}.raw`),
      peer: synced(side(`${convert} -O raw`, `${peer}.raw`)),
    },
    {
      name: 'vhd, against qemu-img convert to fixed vpc, both synced',
      ours: side(`${KEXPORT} vhd "${disk}" -o`, `${ours}.vhd`),
      peer: synced(side(`${convert} -O vpc -o ${FIXED}`, `${peer}.vhd`)),
    },
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

function side(command: string, output: string): Side {
  return { command: `${command} "${output}"`, outputs: [output] };
}

/** A Node that has zstd: this one, or one from the package registry. None if neither can be had. */
function zstdNodes(): string[] {
  const script = "'zstdCompressSync' in zlib && console.log(process.execPath)";
  const own = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim();
  if (own !== '') return [own];
  const args = ['--yes', '--package=node@24', '--', 'node', '-e', script];
  const other = spawnSync('npx', args, { encoding: 'utf8' }).stdout.trim();
  return other === '' ? [] : [other];
}

/** We sync what we write; where that is not lost in the compression, the other does too. */
function synced({ command, outputs }: Side): Side {
  return { command: `${command} && sync ${outputs.join(' ')}`, outputs };
}

/** What kldload's script runs, one after the other. */
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
  return { command: steps.join(' && '), outputs };
}
