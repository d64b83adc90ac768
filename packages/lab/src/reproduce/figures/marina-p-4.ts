import type { Figure } from '../figure.js';
import { heterogeneityFigure } from '../marina-p.js';

export const marinaP4: Figure = heterogeneityFigure('marina-p-4', 'MARINA-P (NeurIPS 2024), Figure 4', 10);
