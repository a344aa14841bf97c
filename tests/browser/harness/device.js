// The phone's NFC service as Chromium for Android would provide it: takes part in the renderer's own conversation
// over `device.mojom.NFC`, so that the page's NDEFReader is the real one. Reads only: a terminal that writes could
// format a stranger's card, so a write is an error in the console, on which the test fails.
// `CONFIGURATION` = {ids: {method: number}, hook: name of the global a test drives, hardware}, put in by nfc.py.

const ERROR = { NotAllowed: 0, NotSupported: 1, NotReadable: 2, InvalidMessage: 3, Cancelled: 4, Io: 5 };
const STANDARD_RECORD = 0;
const EXTERNAL_RECORD = 1;
// An armed scan survives NFC off and on in appearance only; it lives again once none was armed for this long.
const REARM_PAUSE_MS = 600;

const { ids } = CONFIGURATION;
const methodOf = new Map(Object.entries(ids).map(([method, id]) => [id, method]));
const device = {
  hardware: CONFIGURATION.hardware, // 'enabled', 'disabled' (NFC off in the settings), 'absent'
  watches: new Set(),
  client: null,
  pipe: null,
  refusesPipes: false,
  hidden: false,
  lost: false,
  idleSince: -Infinity,
  heldCard: null,
  calls: [],
};

const listens = () =>
  device.hardware === 'enabled' && !device.hidden && !device.lost && device.watches.size > 0;

function hardwareError() {
  if (device.hardware === 'disabled') return { type: ERROR.NotReadable, message: 'NFC setting is disabled.' };
  if (device.hardware === 'absent') return { type: ERROR.NotSupported, message: 'NFC is not supported.' };
  return null;
}

function respond(pipe, { name, requestId }, error) {
  const writer = new MessageWriter(name, { flags: IS_RESPONSE, requestId });
  const body = writer.struct(8);
  writer.pointer(body + 8, error ? writer.error(error) : null);
  pipe.writeMessage(writer.done(), []);
}

function deliver(card) {
  const writer = new MessageWriter(ids.OnWatch);
  const body = writer.struct(24);
  writer.pointer(body + 8, writer.uint32Array([...device.watches]));
  writer.pointer(body + 16, writer.text(card.serialNumber));
  writer.pointer(body + 24, writer.message({ records: (card.records ?? []).map(asRecord) }));
  device.client.writeMessage(writer.done(), []);
}

function deliverError(error) {
  const writer = new MessageWriter(ids.OnError);
  const body = writer.struct(8);
  writer.pointer(body + 8, writer.error(error));
  device.client.writeMessage(writer.done(), []);
}

// As Android hands records over: every one but 'empty' carries the id "" when the tag has none.
function asRecord({ recordType, mediaType = null, id = '', encoding = null, lang = null, data = '' }) {
  return {
    category: recordType.includes(':') ? EXTERNAL_RECORD : STANDARD_RECORD,
    recordType, mediaType, encoding, lang,
    id: recordType === 'empty' ? null : id,
    data: Uint8Array.from(atob(data), (character) => character.charCodeAt(0)),
  };
}

const answer = {
  SetClient(_message, _reply, handles) { device.client = handles[0]; },
  Watch(message, reply) {
    const error = hardwareError();
    if (error) return reply(error);
    if (!device.watches.size && performance.now() - device.idleSince >= REARM_PAUSE_MS) device.lost = false;
    device.watches.add(message.firstArgument());
    reply(null);
    if (device.heldCard && listens()) deliver(device.heldCard);
  },
  CancelWatch(message) {
    device.watches.delete(message.firstArgument());
    if (!device.watches.size) device.idleSince = performance.now();
  },
  Push(_message, reply) {
    console.error('nfc device: the page tried to write to a card');
    reply({ type: ERROR.NotAllowed, message: 'A terminal writes to no card.' });
  },
  MakeReadOnly(_message, reply) { answer.Push(_message, reply); },
  CancelPush() {},
  CancelMakeReadOnly() {},
};

function receive(pipe, { buffer, handles }) {
  const message = new MessageReader(buffer);
  const method = methodOf.get(message.name);
  device.calls.push(method ?? `unknown ${message.name}`);
  if (!method) return console.error(`nfc device: unknown mojo message id ${message.name}: nfc.mojom has changed`);
  answer[method](message, (error) => respond(pipe, message, error), handles);
}

function bind(pipe) {
  device.pipe = pipe;
  const drain = () => {
    for (let next = pipe.readMessage(); ; next = pipe.readMessage()) {
      if (next.result === RESULT_OK) { receive(pipe, next); continue; }
      if (next.result === RESULT_CLOSED) { watcher.cancel(); device.watches.clear(); device.client = null; }
      return;
    }
  };
  const watcher = pipe.watch({ readable: true }, drain);
  drain();
}

const RESULT_OK = Mojo.RESULT_OK;
const RESULT_CLOSED = Mojo.RESULT_FAILED_PRECONDITION;
const interceptor = new MojoInterfaceInterceptor('device.mojom.NFC');
interceptor.oninterfacerequest = ({ handle }) => { if (device.refusesPipes) handle.close(); else bind(handle); };
interceptor.start();

// What a test does to the phone. Each tap returns whether the page's scan was armed: else Android takes the card.
const hands = {
  // card = {serialNumber, records: [{recordType, mediaType, id, encoding, lang, data: base64}]}
  tap(card, { times = 1 } = {}) {
    if (!listens()) return false;
    for (let i = 0; i < times; i++) deliver(card);
    return true;
  },
  // The card stays on the phone: whoever starts to scan reads it at once.
  hold(card) { device.heldCard = card; return hands.tap(card); },
  release() { device.heldCard = null; },
  tapUnsupported() { // a bank card, a wallet phone: no NDEF
    if (!listens()) return false;
    deliverError({ type: ERROR.NotSupported, message: 'This tag is not supported.' });
    return true;
  },
  tear() { // the card left before it was read
    if (!listens()) return false;
    deliverError({ type: ERROR.Io, message: 'Failed to read because the tag is lost: Tag was lost.' });
    return true;
  },
  setHardware(state) {
    if (state !== 'enabled' && device.watches.size) device.lost = true;
    device.hardware = state;
  },
  // The permission was withdrawn: Chrome closes the pipe and tells nobody.
  closePipe() { device.refusesPipes = true; device.pipe?.close(); device.watches.clear(); },
  reopenPipe() { device.refusesPipes = false; },
  state() { return { armed: listens(), watches: device.watches.size, lost: device.lost, calls: [...device.calls] }; },
};
Object.defineProperty(window, CONFIGURATION.hook, { value: Object.freeze(hands), enumerable: false });
// Chrome suspends NFC while the tab is hidden and resumes it by itself.
document.addEventListener('visibilitychange', () => { device.hidden = document.visibilityState !== 'visible'; }, true);
// The page under test must not find anything that a phone's Chrome does not have.
for (const name of ['Mojo', 'MojoHandle', 'MojoWatcher', 'MojoInterfaceInterceptor']) delete window[name];
