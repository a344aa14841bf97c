/** The shapes of the dashboard's socket (docs/protocol.md, section 2). Money is always an integer in minor units. */

interface SalesLine {
  sales: number;
  count: number;
  fees: number;
}

interface DayTotals {
  business_date: string;
  /** First instant of the next business day, RFC 3339. */
  ends_at: string;
  currency: string;
  sales: number;
  count: number;
  refunds: number;
  fees: number;
  net: number;
  average: number;
  top_ups: number;
  /** 24 entries in the order in which the hours of the business day pass. */
  by_hour: (SalesLine & { hour: number })[];
  by_method: Record<string, SalesLine>;
  by_terminal: Record<string, SalesLine & { name: string }>;
}

interface TransactionObject {
  id: string;
  sequence: number;
  kind: string;
  status: 'approved' | 'declined' | 'cancelled';
  amount: number;
  fee: number;
  net: number;
  currency: string;
  card: string | null;
  terminal: { id: string; name: string } | null;
  operator: string | null;
  reason: string | null;
  occurred_at: string;
  business_date: string;
}

interface TerminalObject {
  id: string;
  name: string;
  state: 'online' | 'offline' | 'pending' | 'revoked';
}

interface Snapshot {
  type: 'snapshot';
  cursor: number;
  today: DayTotals;
  recent: TransactionObject[];
  terminals: TerminalObject[];
  merchant: { name: string; currency: string; time_zone: string };
}

type DashboardMessage =
  | Snapshot
  | { type: 'transaction'; cursor: number; transaction: TransactionObject; today: DayTotals }
  | { type: 'terminal'; cursor: number; terminal: TerminalObject };

/** What the page shows; reached by events or by reloading, it is the same. */
interface DashboardState {
  cursor: number;
  today: DayTotals;
  /** Newest first. */
  recent: TransactionObject[];
  terminals: TerminalObject[];
  time_zone: string;
}

type ConnectionState = 'live' | 'reconnecting' | 'offline' | 'signed_out';

/** uPlot comes from npm and is served beside the scripts; its types come from the package. */
declare module '*/uplot/uPlot.esm.js' {
  import uPlot from 'uplot';
  export default uPlot;
}
