/** A connection to a broker, as far as the transport needs one: messages may be lost, and come in order. */
export interface Wire {
  /** Largest message that the broker takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Hands a message to the broker; lost without a word while there is no connection. */
  publish(subject: string, message: Uint8Array): void;
  /** @param take gets what comes on `subject`, which may end in `*` */
  subscribe(subject: string, take: (subject: string, message: Uint8Array) => void): void;
  /** @param told hears when the connection is gone, when it is back, and what the broker refuses */
  onStatus(told: (status: WireStatus) => void): void;
  close(): Promise<void>;
}

export type WireStatus =
  | { readonly type: 'disconnected' }
  | { readonly type: 'connected' }
  | { readonly type: 'refused'; readonly what: string };
