// Writes and reads the messages of `device.mojom.NFC`: header, structs, arrays, strings, little-endian, 8-byte
// aligned, pointers relative to where they stand. Defines `MessageWriter` and `MessageReader` for device.js, with
// which it shares one function scope (nfc.py joins them); nothing of it reaches the page.

const utf8 = new TextEncoder();
const unutf8 = new TextDecoder();
const LITTLE_ENDIAN = true;
const IS_RESPONSE = 2;

class MessageWriter {
  constructor(name, { flags = 0, requestId = 0n } = {}) {
    this.bytes = new Uint8Array(256);
    this.view = new DataView(this.bytes.buffer);
    this.used = 0;
    this.header(name, flags, requestId);
  }

  header(name, flags, requestId) {
    const hasRequestId = flags !== 0;
    const size = hasRequestId ? 32 : 24;
    const at = this.allocate(size);
    this.uint32(at, size);
    this.uint32(at + 4, hasRequestId ? 1 : 0);
    this.uint32(at + 12, name);
    this.uint32(at + 16, flags);
    if (hasRequestId) this.uint64(at + 24, requestId);
  }

  allocate(size) {
    const at = this.used;
    this.used += (size + 7) & ~7;
    while (this.used > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  uint32(at, value) { this.view.setUint32(at, value >>> 0, LITTLE_ENDIAN); }
  uint64(at, value) { this.view.setBigUint64(at, BigInt(value), LITTLE_ENDIAN); }
  pointer(at, target) { this.uint64(at, target === null ? 0 : target - at); }

  struct(payloadBytes) {
    const at = this.allocate(8 + payloadBytes);
    this.uint32(at, 8 + payloadBytes);
    return at;
  }

  array(count, bytesEach) {
    const at = this.allocate(8 + count * bytesEach);
    this.uint32(at, 8 + count * bytesEach);
    this.uint32(at + 4, count);
    return at;
  }

  byteArray(bytes) {
    const at = this.array(bytes.length, 1);
    this.bytes.set(bytes, at + 8);
    return at;
  }

  text(value) { return value === null || value === undefined ? null : this.byteArray(utf8.encode(value)); }

  uint32Array(values) {
    const at = this.array(values.length, 4);
    values.forEach((value, i) => this.uint32(at + 8 + 4 * i, value));
    return at;
  }

  error({ type, message }) {
    const at = this.struct(16);
    this.uint32(at + 8, type);
    this.pointer(at + 16, this.text(message));
    return at;
  }

  record(record) {
    const at = this.struct(64);
    this.uint32(at + 8, record.category);
    const fields = [
      this.text(record.recordType), this.text(record.mediaType), this.text(record.id), this.text(record.encoding),
      this.text(record.lang), this.byteArray(record.data), null, // a message within the record: no card of ours has one
    ];
    fields.forEach((target, i) => this.pointer(at + 16 + 8 * i, target));
    return at;
  }

  message({ records }) {
    const at = this.struct(8);
    const list = this.array(records.length, 8);
    this.pointer(at + 8, list);
    records.forEach((record, i) => this.pointer(list + 8 + 8 * i, this.record(record)));
    return at;
  }

  done() { return this.bytes.slice(0, this.used).buffer; }
}

class MessageReader {
  constructor(buffer) {
    this.view = new DataView(buffer);
    this.body = this.uint32(0);
    this.name = this.uint32(12);
    this.requestId = this.body >= 32 ? this.view.getBigUint64(24, LITTLE_ENDIAN) : 0n;
  }

  uint32(at) { return this.view.getUint32(at, LITTLE_ENDIAN); }
  firstArgument() { return this.uint32(this.body + 8); }
}
