import { printable } from '../cli/print/printable.ts';
import { formatSize } from '../cli/print/sizes.ts';
import { drawing, element } from './dom.ts';
import { CELLS, type InspectedDisk } from './protocol.ts';

const HEIGHT = 40;

/** Draws a disk: where it has data, and its partitions below. */
export function pictureOf({ size, cells, partitions, isSampled }: InspectedDisk): HTMLElement {
  const used = [...cells].filter((share) => share > 0).length;
  const share = `${Math.round((100 * used) / CELLS)} %`;
  const how = isSampled ? 'data by samples' : 'data';
  const names = partitions.map(({ label, size: bytes }) => `${label} (${formatSize(bytes)})`);
  const caption = `${how} in ${share} of ${formatSize(size)}`;
  const title = printable([caption, ...names].join('; '));
  const columns = [...cells].map((part, cell) =>
    drawing('rect', {
      class: 'data',
      x: String(cell),
      y: '0',
      width: '1.05', // no seams
      height: String(HEIGHT * 0.6),
      'fill-opacity': String(part === 0 ? 0 : 0.3 + (0.7 * part) / 255),
    }),
  );
  const place = (bytes: number) => ((bytes / size) * CELLS).toFixed(2);
  const parts = partitions.map(({ diskOffset, size: bytes }) =>
    drawing('rect', {
      class: 'part',
      x: place(diskOffset),
      y: String(HEIGHT * 0.7),
      width: place(bytes),
      height: String(HEIGHT * 0.28),
    }),
  );
  const empty = drawing('rect', {
    class: 'empty',
    x: '0',
    y: '0',
    width: String(CELLS),
    height: String(HEIGHT * 0.6),
  });
  const box = { viewBox: `0 0 ${CELLS} ${HEIGHT}`, preserveAspectRatio: 'none' };
  const svg = drawing(
    'svg',
    { ...box, role: 'img', 'aria-label': title },
    empty,
    ...columns,
    ...parts,
  );
  return element(
    'figure',
    { class: 'picture' },
    svg,
    element('figcaption', { class: 'hint' }, title),
  );
}
