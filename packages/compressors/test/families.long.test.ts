import { describeNaturalDithering, describeQsgd, describeSelectedNatural } from './families.js';

for (const k of ['1', '40%', '100%']) describeSelectedNatural(k);

for (const s of [2, 300]) describeQsgd(s);

for (const [s, p] of [
  [8, 'inf'],
  [4, '1'],
  [30, '3.5'],
] as const) {
  describeNaturalDithering(s, p);
}
