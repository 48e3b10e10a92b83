import { KexportError } from '../errors.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Source } from '../sources/source.ts';
import type { Target } from './image.ts';
import type { MachineDisk } from './machine-disk.ts';

/** What exports have taken. A source is at its end then, and would be read as zeros. */
const taken = new WeakSet<Source | Sink>();

/**
 * Takes the sources and sinks of an export. Throws a KexportError if another has had one of them,
 * and then gives up the others.
 */
export async function takeOnce(
  disks: readonly MachineDisk[],
  machines: readonly Target[],
): Promise<void> {
  const sources = disks.map(({ source }) => source);
  const sinks = [...disks.flatMap(({ targets }) => targets), ...machines].map(({ sink }) => sink);
  const all = [...sources, ...sinks];
  const twice = all.find((one, index) => taken.has(one) || all.indexOf(one) < index);
  if (twice === undefined) {
    for (const one of all) taken.add(one);
    return;
  }
  const isFree = (one: Source | Sink) => !taken.has(one);
  await Promise.all([
    ...[...new Set(sources)].filter(isFree).map((source) => source.close()),
    ...[...new Set(sinks)].filter(isFree).map((sink) => sink.discard()),
  ]);
  throw new KexportError('usage', `${twice.name} has been exported or written to before`, {
    hint: 'open it again for each export',
  });
}
