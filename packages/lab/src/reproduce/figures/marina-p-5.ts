import type { Figure } from '../figure.js';
import { heterogeneityFigure } from '../marina-p.js';

export const marinaP5: Figure = heterogeneityFigure('marina-p-5', 'MARINA-P (NeurIPS 2024), Figure 5', 100);
