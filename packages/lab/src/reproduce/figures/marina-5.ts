import type { Figure } from '../figure.js';
import { batches, besideGd, fullGradients, MARINA_DIFFERENCES, marinaBeatsDiana } from '../marina.js';

export const marina5: Figure = {
  name: 'marina-5',
  paper: 'MARINA (ICML 2021), Figure 5',
  summary: 'As Figure 1 with 20 workers: mushrooms, RandK, step sizes by theory.',
  panels: (size) => [
    fullGradients({ data: 'mushrooms', workers: 20, size }),
    batches({ data: 'mushrooms', workers: 20, size }),
  ],
  claims: (panels) => [...marinaBeatsDiana(panels), besideGd(panels, 'mushrooms-full', 'clearly')],
  differences: MARINA_DIFFERENCES,
};
