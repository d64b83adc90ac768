/** What the option `transport` may be. Apart from the transports, so that options know their names without them. */
export const TRANSPORTS = ['threads', 'loopback'] as const;

export type TransportName = (typeof TRANSPORTS)[number];
