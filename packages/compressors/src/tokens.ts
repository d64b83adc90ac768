// Whole numbers below 2³¹ as a token of a small alphabet and the bits that it does not say. The rest is in assembly/tokens.ts.

/** Numbers below this are a token each; above, a token stands for half an octave and the rest follows as plain bits. */
const SINGLE = 16;
/** Tokens there are. */
export const TOKENS = SINGLE + 2 * 27;

export function tokenOf(magnitude: number): number {
  if (magnitude < SINGLE) return magnitude;
  const octave = 31 - Math.clz32(magnitude);
  return SINGLE + 2 * (octave - 4) + ((magnitude >>> (octave - 1)) & 1);
}
