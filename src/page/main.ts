// The page: a file comes in, what it is is shown, images of it go out. All reading and writing is
// done by worker.ts.

import { type FormatName, FORMATS } from '../../formats/index.ts';
import { printable } from '../cli/print/printable.ts';
import { formatSize } from '../cli/print/sizes.ts';
import { longForm, type Options } from '../cli/options/options.ts';
import { byId, element, factList, inputById } from './dom.ts';
import { engine, RequestError } from './engine.ts';
import { optionsForm } from './options-form.ts';
import { pictureOf } from './picture.ts';
import { choosePlaces } from './places.ts';
import { progressText } from './progress.ts';
import type { Answer, Exported, Inspected, InspectedDisk, Request, Verified } from './protocol.ts';

declare const KEXPORT_PAGE: { readonly version: string; readonly worker: string };

/** What `all` makes, as in the command. */
const USUAL: readonly FormatName[] = ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'];

const script = new Blob([KEXPORT_PAGE.worker], { type: 'text/javascript' });
const address = URL.createObjectURL(script);
const worker = engine(() => new Worker(address));
const form = optionsForm(byId('options'));
let disk: { readonly file: File; readonly info: Inspected | undefined } | undefined;
let stop: AbortController | undefined;

start();

function start(): void {
  byId('version').textContent = KEXPORT_PAGE.version;
  const processors = navigator.hardwareConcurrency;
  byId('threads').textContent = crossOriginIsolated ? `· ${processors} threads` : '· one thread';
  byId('formats').append(...Object.keys(FORMATS).flatMap((name) => formatBox(name as FormatName)));
  const file = inputById('file');
  file.addEventListener('change', () => void open(file.files?.[0]));
  acceptDrops();
  byId('export').addEventListener('submit', (event) => {
    event.preventDefault();
    void convert();
  });
  byId('check').addEventListener('click', () => void check(undefined));
  const other = inputById('other');
  byId('compare').addEventListener('click', () => other.click());
  other.addEventListener('change', () => void check(other.files?.[0]));
  byId('cancel').addEventListener('click', () => stop?.abort());
  if (location.protocol !== 'file:' && document.querySelector('link[rel=manifest]')) {
    // Without it, as where the page came by http from another machine, there is no offline use.
    if ('serviceWorker' in navigator) void navigator.serviceWorker.register('service-worker.js');
  }
}

function acceptDrops(): void {
  const over = (isOver: boolean) => byId('drop').classList.toggle('over', isOver);
  addEventListener('dragover', (event) => {
    event.preventDefault();
    over(true);
  });
  addEventListener('dragleave', () => over(false));
  addEventListener('drop', (event) => {
    event.preventDefault();
    over(false);
    void open(event.dataTransfer?.files[0]);
  });
}

/** Zstandard cannot be written in a browser. */
function formatBox(name: FormatName): HTMLElement[] {
  if (name === 'raw.zst') return [];
  const id = `format-${name}`;
  const box = element('input', { id, type: 'checkbox', value: name, checked: name === 'qcow2' });
  const label = element('label', { for: id }, box, ` ${name}`);
  if (USUAL.includes(name)) label.style.fontWeight = '600';
  return [label];
}

async function open(file: File | undefined): Promise<void> {
  if (!file || stop) return;
  disk = { file, info: undefined };
  inputById('name').value = file.name.replace(/(\.(tar|raw))?\.[^.]*$/, '') || file.name;
  byId('export').hidden = false;
  byId('about').hidden = false;
  byId('outcome').hidden = true;
  byId('facts').replaceChildren(element('p', {}, `Reading ${file.name}`));
  const info = await ask({ kind: 'inspect', file, options: optionsOrNone() }, byId('facts'));
  if (info?.kind !== 'inspect') return;
  disk = { file, info };
  byId('facts').replaceChildren(...shownFacts(info));
}

function optionsOrNone(): Options {
  try {
    return form.read();
  } catch {
    return {};
  }
}

function shownFacts({ lines, disks }: Inspected): HTMLElement[] {
  const pictures = disks.flatMap((one) => [
    ...(one.lines.length > 0 ? [factList(one.lines)] : []),
    pictureOf(one),
  ]);
  return [factList(lines), ...pictures];
}

async function convert(): Promise<void> {
  if (!disk || stop) return;
  const boxes = byId('formats').querySelectorAll<HTMLInputElement>('input:checked');
  const formats = [...boxes].map(({ value }) => value as FormatName);
  const name = inputById('name').value.trim();
  try {
    if (formats.length === 0) throw new Error('choose a format');
    if (/[/\\]/.test(name)) throw new Error('the name of the images is not one of a folder');
    const options = form.read();
    refuseSeveral(disk.info?.disks ?? [], options);
    const images = await choosePlaces(formats, name, disk.info?.disks[0]?.size);
    if (!images) return;
    const request = { kind: 'export', file: disk.file, name, options, images } as const;
    const answer = await ask(request, results());
    if (answer?.kind === 'export') showImages(answer);
  } catch (error) {
    showError(error, results());
  }
}

/** Of several disks one is converted at a time, unlike in the command. */
function refuseSeveral(disks: readonly InspectedDisk[], { ovaDisk }: Options): void {
  const names = disks.map(({ name = '' }) => name).join(', ');
  if (disks.length < 2 || ovaDisk !== undefined) return;
  throw new Error(
    `it has ${disks.length} disks (${names}): choose one with ${longForm('ovaDisk')}`,
  );
}

async function check(against: File | undefined): Promise<void> {
  if (!disk || stop) return;
  try {
    const options = form.read();
    const answer = await ask({ kind: 'verify', file: disk.file, against, options }, results());
    if (answer?.kind === 'verify') showVerdict(answer);
  } catch (error) {
    showError(error, results());
  }
}

/** Where results go, emptied. */
function results(): HTMLElement {
  const place = byId('results');
  place.replaceChildren();
  return place;
}

/** Runs a request, and shows how far it is; an error goes to `place`. */
async function ask(request: Request, place: HTMLElement): Promise<Answer | undefined> {
  stop = new AbortController();
  setBusy(true);
  const textOf = progressText();
  const bar = byId('bar') as HTMLProgressElement;
  bar.removeAttribute('value');
  byId('state').textContent = '';
  try {
    return await worker.run(
      request,
      {
        onProgress(progress) {
          const { text, share } = textOf(progress, performance.now());
          byId('state').textContent = text;
          if (share === undefined) bar.removeAttribute('value');
          else bar.value = share;
        },
        onWarning: (text) =>
          place.append(element('p', { class: 'error' }, `warning: ${printable(text)}`)),
      },
      stop.signal,
    );
  } catch (error) {
    showError(error, place);
    return undefined;
  } finally {
    stop = undefined;
    setBusy(false);
  }
}

function setBusy(isBusy: boolean): void {
  byId('run').hidden = !isBusy;
  for (const id of ['start', 'check', 'compare', 'file']) {
    inputById(id).disabled = isBusy;
  }
}

function showError(error: unknown, place: HTMLElement): void {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const hint = error instanceof RequestError ? error.hint : undefined;
  const text = hint === undefined ? `error: ${message}` : `error: ${message} (${hint})`;
  place.append(element('p', { class: 'error', role: 'alert' }, printable(text)));
  byId(place.id === 'results' ? 'outcome' : 'about').hidden = false;
}

function showImages({ images }: Exported): void {
  const shown = images.flatMap(({ fileName, size, sha256, download }) => {
    const lines = [
      element('p', { class: 'good' }, `${fileName}: ${formatSize(size)}`),
      element('p', { class: 'sum' }, sha256 === undefined ? 'not hashed' : `SHA-256 ${sha256}`),
    ];
    if (!download) return lines;
    const href = URL.createObjectURL(download);
    const link = element('a', { class: 'button', href, download: fileName }, `Save ${fileName}`);
    return [...lines, element('p', { class: 'buttons' }, link)];
  });
  byId('results').append(...shown);
  byId('outcome').hidden = false;
  byId('outcome').focus();
}

function showVerdict({ isSound, lines }: Verified): void {
  const name = isSound ? 'good' : 'error';
  byId('results').append(...lines.map((line) => element('p', { class: name }, printable(line))));
  byId('outcome').hidden = false;
  byId('outcome').focus();
}
