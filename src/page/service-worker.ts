// Keeps the page for use without a network: all of it is stored when the page is installed, and
// from then on nothing else is asked for.

declare const KEXPORT_SHELL: { readonly version: string; readonly files: readonly string[] };

/** What a service worker has; the types of a page lack it. */
interface ServiceWorkerEvent extends Event {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}

declare const skipWaiting: () => Promise<void>;
declare const clients: { claim(): Promise<void> };

const CACHE = `kexport-${KEXPORT_SHELL.version}`;

const on = (type: string, listener: (event: ServiceWorkerEvent) => void) => {
  addEventListener(type, (event) => listener(event as ServiceWorkerEvent));
};

on('install', (event) => event.waitUntil(store()));
on('activate', (event) => event.waitUntil(forgetOthers()));
on('fetch', (event) => event.respondWith(answer(event.request)));

async function store(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll([...KEXPORT_SHELL.files]);
  await skipWaiting();
}

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith('kexport-') && name !== CACHE) await caches.delete(name);
  }
  await clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const stored = await caches.match(request, { cacheName: CACHE, ignoreSearch: true });
  return stored ?? fetch(request);
}
