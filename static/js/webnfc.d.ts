/** The reading half of Web NFC (W3C community draft). There is deliberately no write(): a terminal must never have it. */

interface NDEFRecord {
  readonly recordType: string;
  readonly mediaType: string | null;
  readonly id: string | null;
  readonly encoding: string | null;
  readonly lang: string | null;
  readonly data: DataView | null;
}

interface NDEFReadingEvent extends Event {
  /** "04:a1:…" in lower case, or "" for a card without one. Can be cloned: never an identity. */
  readonly serialNumber: string;
  readonly message: { readonly records: readonly NDEFRecord[] };
}

interface NDEFReader extends EventTarget {
  scan(options?: { signal?: AbortSignal }): Promise<void>;
  addEventListener(type: 'reading', listener: (event: NDEFReadingEvent) => void): void;
  addEventListener(type: 'readingerror', listener: (event: Event) => void): void;
}

declare var NDEFReader: { new (): NDEFReader } | undefined;
