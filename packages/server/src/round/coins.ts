import { EVERY_WORKER, type KeyedRandom, Rng } from '@flotilla/core';

/** How dense rounds are drawn: by coins, each by itself as in the papers, or by systematic sampling, one round in 1/p. */
export type Coins = 'independent' | 'even';

/** Coin `index` of round `round`, from 1: true with probability p. A method may toss them in any order. */
export type Toss = (p: number, index: number, round: number) => boolean;

/**
 * `even` is systematic sampling [W. G. Madow, L. H. Madow, Ann. Math. Stat. 15 (1944)]: round t is one where ⌊t p + u⌋ steps up,
 * u uniform in [0, 1) and drawn once for each index. Every round still has probability p, and in t rounds there are ⌊t p⌋ or
 * ⌈t p⌉; only, rounds are not independent of each other, as the theorems assume.
 */
export function createToss(coins: Coins, random: KeyedRandom): Toss {
  const rng = new Rng();
  // one coin a stream
  const uniform = (round: number, index: number) =>
    random.stream(rng, 'coins', round, EVERY_WORKER - 1 - index).uniform();
  if (coins === 'independent') return (p, index, round) => uniform(round, index) < p;
  return (p, index, round) => {
    const u = uniform(0, index);
    return Math.floor(round * p + u) > Math.floor((round - 1) * p + u);
  };
}
