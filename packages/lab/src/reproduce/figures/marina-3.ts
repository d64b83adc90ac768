import type { Figure } from '../figure.js';
import { fullGradients, MARINA_DIFFERENCES, marinaBeatsDiana } from '../marina.js';

/** The data sets of MARINA's experiments; w8a is left out with a message where it cannot be had. */
export const DATA_SETS = ['mushrooms', 'w8a', 'phishing', 'a9a'] as const;

export const marina3: Figure = {
  name: 'marina-3',
  paper: 'MARINA (ICML 2021), Figure 3',
  summary: 'MARINA and DIANA on four LIBSVM data sets, 5 workers, RandK, step sizes by theory.',
  panels: (size) =>
    (size.quick ? (['mushrooms', 'phishing'] as const) : DATA_SETS).map((data) =>
      fullGradients({ data, workers: 5, size }),
    ),
  claims: marinaBeatsDiana,
  differences: MARINA_DIFFERENCES,
};
