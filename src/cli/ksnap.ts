#!/usr/bin/env node
// ksnap: snapshots of ZFS that carry their time, made, listed and destroyed. The name it made goes to stdout.

import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { KexportError } from '../errors.ts';
import { fullName, parseDatasetName } from '../zfs/names.ts';
import { zfsFailure } from '../zfs/run.ts';
import { flushVolumes, snapshotScope } from '../zfs/snapshot-scope.ts';
import { destroySet, listSets, makeSet, type SnapshotSet } from '../zfs/snapshot-sets.ts';
import { EXIT_USAGE, reportError } from './exit.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';
import { timestamp } from './timestamp.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** The only snapshots that it lists, and that it ever destroys. */
const OURS = /^ksnap-\d{8}-\d{6}$/;

const DESTROY = 'destroy such a snapshot with all that was made with it';

const EXAMPLES = `
Examples:
  ksnap /                                  # rpool@ksnap-20260102-030405
  ksnap tank/vm-100-disk-0
  ksnap destroy ksnap-20260102-030405      # or tank/vm@ksnap-20260102-030405`;

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    await command().parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has said what is wrong by itself; --help and --version end here too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return reportError(error, 'ksnap');
  }
}

function command(): Command {
  const ksnap = new Command('ksnap')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'ksnap: ')),
    })
    .description(
      'Snapshot a ZFS pool, dataset or volume, with everything below it, at one instant.',
    )
    .argument('<what>', 'a mount point, for its whole pool; a dataset; a volume or its device')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .action(snapshot);
  ksnap.command('list').description('list what it made').action(list);
  ksnap.command('destroy').description(DESTROY).argument('<name>').action(destroy);
  return ksnap;
}

async function snapshot(what: string): Promise<void> {
  const dataset = await snapshotScope(what);
  await flushVolumes(dataset);
  const name = await makeNamed(dataset);
  process.stdout.write(`${dataset}@${name}\n`);
}

/** A name may be taken by a snapshot of the same second: then another second is waited for, a few times. */
async function makeNamed(dataset: string, tries = 3): Promise<string> {
  const name = `ksnap-${timestamp(new Date())}`;
  try {
    await makeSet(dataset, name);
    return name;
  } catch (error) {
    if (zfsFailure(error) !== 'exists' || tries === 1) throw error;
  }
  await setTimeout(1000);
  return makeNamed(dataset, tries - 1);
}

async function list(): Promise<void> {
  const sets = await listSets(OURS);
  if (sets.length === 0) return;
  const rows = sets.map(({ dataset, name, createdAt, used, count }) => [
    `${dataset}@${name}`,
    new Date(createdAt * 1000).toLocaleString('sv'), // 2026-01-02 03:04:05
    formatSize(used),
    String(count),
  ]);
  process.stdout.write(formatTable([['SNAPSHOT', 'MADE', 'USED', 'DATASETS'], ...rows]));
}

async function destroy(word: string): Promise<void> {
  const { dataset, name } = word.includes('@') ? given(word) : onlyOne(word, await named(word));
  await destroySet(dataset, name);
}

interface Named {
  readonly dataset: string;
  readonly name: string;
}

function given(word: string): Named {
  const { dataset, snapshot: name = '' } = parseDatasetName(word);
  refuseOthers(word, name);
  return { dataset, name };
}

async function named(name: string): Promise<SnapshotSet[]> {
  refuseOthers(name, name);
  return (await listSets(OURS)).filter((set) => set.name === name);
}

function refuseOthers(word: string, name: string): void {
  if (OURS.test(name)) return;
  throw new KexportError('usage', `${word} is no snapshot that ksnap made: ksnap-YYYYMMDD-HHMMSS`, {
    hint: 'others are for zfs destroy',
  });
}

function onlyOne(name: string, sets: readonly SnapshotSet[]): Named {
  const [set, ...others] = sets;
  if (!set)
    throw new KexportError('source', `there is no snapshot ${name}`, { hint: 'ksnap list' });
  if (others.length === 0) return set;
  const names = sets.map(({ dataset }) => fullName({ dataset, snapshot: name })).join(', ');
  throw new KexportError('source', `${name} means several: ${names}`, { hint: 'name one of them' });
}
