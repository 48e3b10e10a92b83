import { HELP } from '../command-line/help-command.ts';
import type { Program } from '../command-line/program.ts';

export const KSNAP: Program = {
  name: 'ksnap',
  summary: 'Snapshot a ZFS pool, dataset or volume, with everything below it, at one instant.',
  main: {
    summary: 'Make a snapshot, and print its name.',
    operands: [
      {
        name: 'WHAT',
        summary: 'a mount point, for its whole pool; a dataset, volume or its device',
      },
    ],
    options: [],
    load: () => import('../ksnap/snapshot.ts'),
  },
  commands: [
    {
      name: 'list',
      summary: 'List the snapshots that ksnap made.',
      operands: [],
      options: [],
      load: () => import('../ksnap/list.ts'),
    },
    {
      name: 'destroy',
      summary: 'Destroy such a snapshot, with all that was made with it.',
      operands: [{ name: 'SNAPSHOT', summary: 'ksnap-YYYYMMDD-HHMMSS, or DATASET@ksnap-...' }],
      options: [],
      load: () => import('../ksnap/destroy.ts'),
    },
    HELP,
  ],
  topics: [],
  sections: [
    {
      title: 'Examples',
      rows: [
        ['ksnap /                                  # rpool@ksnap-20260102-030405'],
        ['ksnap tank/vm-100-disk-0'],
        ['ksnap destroy ksnap-20260102-030405      # or tank/vm@ksnap-20260102-030405'],
      ],
    },
  ],
};
