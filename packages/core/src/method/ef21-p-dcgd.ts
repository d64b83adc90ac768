import { ef21P, ef21PWorker } from './ef21-p.js';
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
  reference: 'EF21-P + DCGD (ICML 2023)',
  uplink: 'rand-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'downlink',
  parameters: () => ({}),
  stepSize: ef21P.stepSize,
  server: ef21P.server,
  worker: ef21PWorker('compressed'),
});
