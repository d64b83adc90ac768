import type { Figure } from '../figure.js';
import { batches, MARINA_DIFFERENCES, marinaBeatsDiana } from '../marina.js';
import { DATA_SETS } from './marina-3.js';

export const marina4: Figure = {
  name: 'marina-4',
  paper: 'MARINA (ICML 2021), Figure 4',
  summary: 'VR-MARINA and VR-DIANA on four LIBSVM data sets, 5 workers, batches of a hundredth of a shard, RandK.',
  panels: (size) =>
    (size.quick ? (['mushrooms', 'phishing'] as const) : DATA_SETS).map((data) => batches({ data, workers: 5, size })),
  claims: marinaBeatsDiana,
  differences: MARINA_DIFFERENCES,
};
