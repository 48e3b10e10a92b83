// Where the images go: to files that the user chooses, or to a download.

import type { FormatName } from '../../formats/index.ts';
import { FORMATS } from '../../formats/index.ts';
import { formatSize } from '../cli/print/sizes.ts';
import type { FilePlace, WantedImage } from './protocol.ts';
import { storage } from './storage.ts';

/** The File System Access API, which Chromium has. */
interface Pickers {
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<FilePlace>;
  showDirectoryPicker?(options: { readonly mode: 'readwrite' }): Promise<Folder>;
}

/** A `FileSystemDirectoryHandle`, as far as it is used. */
interface Folder {
  getFileHandle(name: string, options: { readonly create: boolean }): Promise<FilePlace>;
}

/** Bytes of an image that a page without storage can have in memory. */
const MEMORY_LIMIT = 2 ** 30;

/**
 * Asks where the images of those formats shall go; undefined if the user thinks better of it.
 * Throws an Error for images that cannot be made here: they hold `diskSize` bytes, if it is known;
 * and for a folder that has files of their names, of which the browser would not ask.
 */
export async function choosePlaces(
  formats: readonly FormatName[],
  name: string,
  diskSize: number | undefined,
): Promise<readonly WantedImage[] | undefined> {
  const images = formats.map((format) => ({
    format,
    fileName: `${name}.${FORMATS[format]().extension}`,
    place: undefined,
  }));
  const pickers = window as Pickers;
  try {
    const [only] = images;
    if (pickers.showSaveFilePicker && only && images.length === 1) {
      const place = await pickers.showSaveFilePicker({ suggestedName: only.fileName });
      return [{ ...only, place }];
    }
    if (pickers.showDirectoryPicker) {
      const folder = await pickers.showDirectoryPicker({ mode: 'readwrite' });
      for (const { fileName } of images) await refuseExisting(folder, fileName);
      return await Promise.all(
        images.map(async (image) => ({
          ...image,
          place: await folder.getFileHandle(image.fileName, { create: true }),
        })),
      );
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
  await checkRoom(formats, diskSize);
  return images;
}

async function refuseExisting(folder: Folder, fileName: string): Promise<void> {
  try {
    await folder.getFileHandle(fileName, { create: false });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return;
    throw error;
  }
  throw new Error(`${fileName} exists in that folder: give another name, or choose another folder`);
}

/** What is certain not to fit; the rest is found when it is written. */
async function checkRoom(
  formats: readonly FormatName[],
  diskSize: number | undefined,
): Promise<void> {
  if (diskSize === undefined) return;
  const plain = formats.filter((format) => format === 'raw' || format === 'vhd');
  const least = plain.length * diskSize;
  const room = (await storage()) ? await freeStorage() : MEMORY_LIMIT;
  if (least <= room) return;
  const what = `${plain.join(' and ')} need ${formatSize(least)}`;
  throw new Error(
    `${what}, and this browser gives the page ${formatSize(room)}: use one that saves to files (Chromium), or the command`,
  );
}

async function freeStorage(): Promise<number> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
  return quota - usage;
}
