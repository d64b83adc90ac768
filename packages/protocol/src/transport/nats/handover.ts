// What the server's thread and the one with the connection hand each other over the mailboxes beside frames.

// the mailboxes have one host, the bridge: before each control message is the host that it is for, or from
export const HOST_BYTES = 2;

export function withHost(host: number, message: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(HOST_BYTES + message.length);
  new DataView(prefixed.buffer).setUint16(0, host, true);
  prefixed.set(message, HOST_BYTES);
  return prefixed;
}

export function hostOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint16(0, true);
}

export const withoutHost = (message: Uint8Array): Uint8Array => message.subarray(HOST_BYTES);

// A broadcast that no slot of the mailboxes has room for goes to the bridge once, as a control message for all hosts. In the ring of each
// worker is a mark with its number, so that it keeps its place among the frames. No frame is of a mark's kind.
const TO_ALL = 0xffff;
const MARK = 0xff;
const MARK_BYTES = 8;
/** Before the frame: a multiple of eight, so that numbers in it lie as they must. */
const LARGE_BYTES = 8;

/** Room for a large broadcast: `frame` is to be written, and `message` sent. */
export function roomForLarge(
  number: number,
  bytes: number,
): { readonly message: Uint8Array; readonly frame: Uint8Array } {
  const message = new Uint8Array(LARGE_BYTES + bytes);
  const view = new DataView(message.buffer);
  view.setUint16(0, TO_ALL, true);
  view.setUint32(4, number, true);
  return { message, frame: message.subarray(LARGE_BYTES) };
}

export function largeIn(control: Uint8Array): { readonly number: number; readonly frame: Uint8Array } | undefined {
  if (hostOf(control) !== TO_ALL) return undefined;
  const view = new DataView(control.buffer, control.byteOffset);
  return { number: view.getUint32(4, true), frame: control.subarray(LARGE_BYTES) };
}

/** What each worker's ring has of it. */
export function markOf(number: number): Uint8Array {
  const mark = new Uint8Array(MARK_BYTES).fill(MARK);
  new DataView(mark.buffer).setUint32(4, number, true);
  return mark;
}

export function markIn(frame: Uint8Array): number | undefined {
  if (frame.length !== MARK_BYTES || frame[0] !== MARK) return undefined;
  return new DataView(frame.buffer, frame.byteOffset).getUint32(4, true);
}
