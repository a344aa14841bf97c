/** REST calls of the page's own origin, with Django's CSRF header; refusals arrive as problem details (RFC 9457). */

/** A refusal, or no answer at all (`status` 0). `fields` names what in the body was refused. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{detail?: string, errors?: Record<string, string[]>}} problem
   */
  constructor(status, { detail = '', errors = {} }) {
    super(detail);
    this.status = status;
    this.fields = Object.keys(errors);
  }
}

/**
 * @param {string} path
 * @param {{method?: 'GET' | 'POST', body?: unknown}} [options]
 * @returns {Promise<any>} the decoded JSON; whoever calls knows its shape
 * @throws {ApiError}
 */
export async function call(path, { method = 'GET', body } = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: {
        Accept: 'application/json',
        ...(method === 'POST' ? { 'X-CSRFToken': csrfToken(), 'Content-Type': 'application/json' } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, {});
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

/** The token that Django keeps in a cookie, also good as a form's csrfmiddlewaretoken. */
export function csrfToken() {
  return document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1] ?? '';
}

/**
 * Whether the page is still served to this person. A redirect can only lead to the sign-in.
 * @param {string} path
 * @returns {Promise<'served' | 'signed_out' | 'forbidden' | 'unreachable'>}
 */
export async function standing(path) {
  try {
    const response = await fetch(path, { redirect: 'manual', cache: 'no-store', credentials: 'same-origin' });
    if (response.type === 'opaqueredirect') return 'signed_out';
    if (response.ok) return 'served';
    return response.status === 401 ? 'signed_out' : response.status < 500 ? 'forbidden' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
