/**
 * This phone's identity: an ECDSA P-256 key that the browser keeps and never gives out (not extractable, in IndexedDB).
 * The server knows the public half since the enrolment; the phone proves itself by signing a fresh nonce.
 */

import { call } from './api.js';

const DATABASE = 'softpos';
const STORE = 'identity';
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const HASH = { name: 'ECDSA', hash: 'SHA-256' };

/** @typedef {{keys: CryptoKeyPair, terminal: {id: string, name: string}, merchant: {id: string, name: string}}} Identity */

/** @returns {Promise<Identity | null>} null on a phone that is no terminal yet */
export async function loadIdentity() {
  return (await kept('readonly', (store) => store.get('terminal'))) ?? null;
}

/**
 * Make a key and have its public half enrolled with a code the owner gave.
 * @param {string} code
 * @returns {Promise<Identity>}
 * @throws {import('./api.js').ApiError}
 */
export async function enrol(code) {
  // Kept before it is sent: if the answer gets lost, the same code is tried again with the same key.
  /** @type {CryptoKeyPair | undefined} */
  let keys = await kept('readonly', (store) => store.get('draft'));
  if (!keys) {
    keys = await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
    await kept('readwrite', (store) => store.put(keys, 'draft'));
  }
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey);
  const { terminal, merchant } = await call('/api/v1/terminals/enrol/', {
    method: 'POST',
    body: { code, public_key: { kty, crv, x, y } },
  });
  const identity = { keys, terminal, merchant };
  await kept('readwrite', (store) => store.put(identity, 'terminal'));
  await kept('readwrite', (store) => store.delete('draft'));
  void navigator.storage?.persist?.(); // so that a full phone does not throw the key away
  return identity;
}

/** Throw the key away; the phone has to be enrolled again. */
export async function forgetIdentity() {
  await kept('readwrite', (store) => store.delete('terminal'));
}

/**
 * The proof `hello` carries: raw r‖s over `softpos-terminal-v1` LF nonce LF terminal id.
 * @param {Identity} identity
 * @param {string} nonce
 * @returns {Promise<Uint8Array>}
 */
export async function signNonce({ keys, terminal }, nonce) {
  const text = new TextEncoder().encode(`softpos-terminal-v1\n${nonce}\n${terminal.id}`);
  return new Uint8Array(await crypto.subtle.sign(HASH, keys.privateKey, text));
}

/**
 * One request in one transaction, finished when it is durable.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} request
 * @returns {Promise<any>}
 */
async function kept(mode, request) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const made = request(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(made.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
