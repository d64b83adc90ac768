import { ef21StepSize } from './ef21.js';
import { ef21P, ef21PServer, ef21PWorker } from './ef21-p.js';
import { defineMethod } from './method.js';

/**
 * EF21-P + DCGD [Gruntkowska, Tyurin, Richtárik, ICML 2023]: EF21-P on the downlink, compressed gradients on the uplink.
 *
 *   w⁰ = x⁰;  x⁺ = x − γ g;  w⁺ = w + C(x⁺ − w), one message for all workers;  g = (1/n) Σ Q_i(∇f_i(w⁺))
 *
 * Like DCGD it stalls at a floor where the functions differ. γ is tuned, in multiples of EF21-P's.
 */
export const ef21PDcgd = defineMethod({
  name: 'ef21-p-dcgd',
  summary: 'one contractive compressed step to all workers, compressed gradients up',
  description: {
    paper: 'EF21-P (Gruntkowska, Tyurin, Richtárik, ICML 2023)',
    algorithm: 'EF21-P + DCGD',
    theorem: 'tuned, in multiples of the step size of EF21-P',
    downlink: 'C(x⁺ − w), the same for all',
    uplink: 'Q_i(∇f_i(w))',
    stepSize: ef21P.description.stepSize,
    parameters: {},
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'downlink',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  stepSize: ({ downlink: { alpha } }, smoothness) => ef21StepSize(alpha, smoothness),
  server: ef21PServer,
  worker: ef21PWorker('compressed'),
});
