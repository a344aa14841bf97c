/**
 * Lets the terminal open without a network. Network first for everything, so that a page and its scripts always belong
 * to one release; the copy is only for when the network does not answer. It never touches sockets, REST or any other
 * page, and the one page it keeps holds nobody's data.
 */

const worker = /** @type {ServiceWorkerScope} */ (/** @type {unknown} */ (self));
const { version, page, files, static: staticPath } = worker.SHELL;
const CACHE = `softpos-terminal-${version}`;
/** A network that is there but dead must not keep the shell from opening. */
const NETWORK_WITHIN_MS = 4000;

worker.addEventListener('install', (event) => {
  event.waitUntil(keepShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(dropOldCaches().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.mode === 'navigate' && url.pathname === page) event.respondWith(networkFirst(request, page));
  else if (url.pathname.startsWith(staticPath)) event.respondWith(networkFirst(request, url.pathname));
});

async function keepShell() {
  const cache = await caches.open(CACHE);
  await cache.addAll(files.map((file) => new Request(file, { cache: 'no-cache' })));
  const response = await fetch(page, { cache: 'no-store', redirect: 'manual' });
  if (isKeepable(response)) await cache.put(page, response);
}

async function dropOldCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith('softpos-terminal-') && name !== CACHE).map((name) => caches.delete(name)));
}

/**
 * @param {Request} request
 * @param {string} key under which the copy is kept, without any query
 * @returns {Promise<Response>}
 */
async function networkFirst(request, key) {
  const cache = await caches.open(CACHE);
  const copy = await cache.match(key);
  try {
    // `no-cache` asks the server whether its file is newer: an hour-old script beside a new page would be a mixture.
    const wanted = request.mode === 'navigate' ? fetch(request) : fetch(request, { cache: 'no-cache' });
    const response = await (copy ? Promise.race([wanted, tooLate()]) : wanted);
    if (isKeepable(response)) await cache.put(key, response.clone());
    return response.status >= 502 && copy ? copy : response;
  } catch (error) {
    if (copy) return copy;
    throw error;
  }
}

/** @param {Response} response whether it is the file itself: no redirect to the sign-in, no error */
function isKeepable(response) {
  return response.ok && response.type === 'basic' && !response.redirected;
}

/** @returns {Promise<never>} */
function tooLate() {
  return new Promise((_resolve, reject) => { setTimeout(() => reject(new Error('the network is too slow')), NETWORK_WITHIN_MS); });
}
