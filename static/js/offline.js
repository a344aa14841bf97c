/** Installs the service worker that lets the terminal open without a network, and takes newer ones as they come. */

/**
 * @param {string} url
 * @param {string} scope
 */
export async function installServiceWorker(url, scope) {
  if (!('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register(url, { scope, updateViaCache: 'none' });
  } catch {
    // Private windows and full disks refuse; the page works without, only not offline.
  }
}
