/** The shapes that cross a boundary (docs/protocol.md, section 1). Money is always an integer in minor units. */

type Kind = 'purchase' | 'top_up' | 'balance';

/** One NDEF record as the `tap` message carries it; nothing in it is interpreted on the phone. */
interface WireRecord {
  record_type: string;
  media_type: string | null;
  encoding: string | null;
  lang: string | null;
  id: string | null;
  /** base64url without padding, or null for a record without data. */
  data: string | null;
}

/** What one presentation of a card gave. */
interface CardReading {
  serial_number: string;
  records: WireRecord[];
}

interface Limits {
  amount_min: number;
  amount_max: number;
  currency: string;
  kinds: string[];
}

interface Ready {
  type: 'ready';
  merchant: { id: string; name: string; currency: string; time_zone: string };
  terminal: { id: string; name: string };
  operator: { name: string; role: string };
  limits: Limits;
  server_time: string;
}

/** The server's verdict. Only `id`, `result` and `kind` are always there. */
interface Outcome {
  type: 'outcome';
  id: string;
  result: 'approved' | 'declined' | 'try_again' | 'pin_required' | 'cancelled';
  kind?: Kind;
  currency?: string;
  reason?: string;
  response_code?: string;
  message?: string;
  transaction?: string;
  amount?: number;
  fee?: number;
  net?: number;
  balance?: number;
  card?: string | null;
  approved_at?: string;
  receipt_url?: string;
}

interface ProtocolError {
  type: 'error';
  code: string;
  message: string;
  id?: string;
  /** With `unauthorised`: "terminal_unknown" or "terminal_revoked"; absent when it is the person who may not. */
  reason?: string;
}

type ServerMessage =
  | { type: 'challenge'; nonce: string; protocol: number }
  | Ready
  | { type: 'present_card'; id: string; expires_in: number }
  | Outcome
  | ProtocolError;

type ClientMessage =
  | { type: 'start'; id: string; kind: Kind; amount: number; currency: string; note?: string }
  | ({ type: 'tap'; id: string; tap: string } & CardReading)
  | { type: 'read_error'; id: string }
  | { type: 'cancel'; id: string };

/** A sale that has no verdict yet; kept in the phone's storage so that a restart still finds out how it ended. */
interface PendingSale {
  id: string;
  kind: Kind;
  amount: number;
  currency: string;
  note: string;
  /** The terminal it was started on: never sent on under another one. */
  terminal: string;
  /** Milliseconds since the epoch. */
  started_at: number;
  tap: (CardReading & { tap: string; at: number }) | null;
}

/** A verdict worth showing. */
interface Result {
  result: 'approved' | 'declined';
  kind: Kind;
  outcome: Outcome;
}

type Phase = 'idle' | 'entering' | 'arming' | 'present_card' | 'deciding' | 'result';

/** Everything the terminal page knows about the sale at hand (static/js/sale.js). Times in ms since the epoch. */
interface SaleState {
  phase: Phase;
  kind: Kind;
  /** As typed, in minor units. */
  amount: number;
  /** How many decimals stand behind a typed point; null: digits shift in from the right. */
  decimals: number | null;
  /** The amount is that of a sale called off: it can be charged again, and the first digit replaces it. */
  kept: boolean;
  note: string;
  /** What the server said this terminal is; kept while the connection is lost. */
  ready: Ready | null;
  connected: boolean;
  /** The sale without a verdict. */
  sale: PendingSale | null;
  /** The connection or the page was lost during this sale. */
  interrupted: boolean;
  cancelling: boolean;
  /** Why the last card could not be used: the reason of `try_again`. */
  advice: string | null;
  result: Result | null;
  /** One thing to tell the cashier, the key of a message. */
  notice: string | null;
  /** When the server gives the armed sale up. */
  deadline: number | null;
  /** An answer is owed since then. */
  waiting_since: number | null;
  last_sent: ClientMessage | null;
  resend_at: number | null;
  busy_count: number;
  restarts: number;
}

type SaleEvent =
  | { type: 'amount'; amount: number; decimals?: number | null }
  | { type: 'kind'; kind: Kind }
  | { type: 'note'; note: string }
  | { type: 'charge'; id: string; now: number }
  | { type: 'retry'; id: string; now: number }
  | { type: 'next' }
  | { type: 'cancel'; now: number }
  | { type: 'tap'; reading: CardReading; tap_id: string; now: number }
  | { type: 'too_early' }
  | { type: 'read_error' }
  | { type: 'ready'; ready: Ready; now: number }
  | { type: 'lost' }
  | { type: 'restore'; sale: PendingSale }
  | { type: 'tick'; now: number }
  | { type: 'message'; message: ServerMessage; now: number; jitter: number };

type Effect =
  | { do: 'send'; message: ClientMessage }
  | { do: 'save'; sale: PendingSale }
  | { do: 'forget' }
  | { do: 'announce'; outcome: Outcome }
  | { do: 'reconnect' };

type Step = [SaleState, Effect[]];
