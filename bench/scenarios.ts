import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Two commands that do the same, and the files that each leaves. */
export interface Scenario {
  readonly name: string;
  readonly ours: Side;
  readonly peer: Side;
}

export interface Side {
  readonly command: string;
  readonly outputs: readonly string[];
}

const KEXPORT = `"${process.execPath}" "${fileURLToPath(new URL('../src/cli/main.js', import.meta.url))}" -q`;

export function scenarios(disk: string, folder: string): Scenario[] {
  const ours = join(folder, 'ours');
  const peer = join(folder, 'peer');
  const convert = `qemu-img convert -f raw "${disk}"`;
  return [
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
      name: 'qcow2 from a pipe, against qemu-img convert -c from the file',
      ours: side(`cat "${disk}" | ${KEXPORT} qcow2 - -o`, `${ours}.qcow2`),
      peer: side(`${convert} -c -O qcow2`, `${peer}.qcow2`),
    },
    {
      name: 'raw, synced, against qemu-img convert and sync',
      ours: side(`${KEXPORT} raw "${disk}" -o`, `${ours}.raw`),
      peer: {
        command: `${convert} -O raw ${peer}.raw && sync ${peer}.raw`,
        outputs: [`${peer}.raw`],
      },
    },
  ];
}

function side(command: string, output: string): Side {
  return { command: `${command} "${output}"`, outputs: [output] };
}
