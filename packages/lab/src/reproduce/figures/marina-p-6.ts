import type { Figure } from '../figure.js';
import { heterogeneityFigure } from '../marina-p.js';

export const marinaP6: Figure = heterogeneityFigure('marina-p-6', 'MARINA-P (NeurIPS 2024), Figure 6', 900);
