import { ef21PServer, ef21PStepSize, ef21PWorker } from './ef21-p.js';
import { defineMethod } from './method.js';

/**
 * EF21-P + DCGD [Gruntkowska, Tyurin, Richtárik, ICML 2023]: EF21-P on the downlink, compressed gradients on the uplink.
 *
 *   w⁰ = x⁰;  x⁺ = x − γ g;  w⁺ = w + C(x⁺ − w), one message for all workers;  g = (1/n) Σ Q_i(∇f_i(w⁺))
 *
 * Like DCGD it stalls at a floor where the functions differ. γ is tuned, in multiples of 1/(1/γ_P + 2A L_max): γ_P is EF21-P's
 * step size and the rest what DCGD adds to its own, A = ω/n for independent Q_i.
 */
export const ef21PDcgd = defineMethod({
  name: 'ef21-p-dcgd',
  summary: 'one contractive compressed step to all workers, compressed gradients up',
  coins: 0,
  description: {
    paper: 'EF21-P (Gruntkowska, Tyurin, Richtárik, ICML 2023)',
    algorithm: 'EF21-P + DCGD',
    theorem: 'none; a base for tuning, of the step sizes of EF21-P and DCGD',
    downlink: 'C(x⁺ − w), the same for all',
    uplink: 'Q_i(∇f_i(w))',
    stepSize: '1/(L_f/(1 − √(1 − α)) + 2A L_max); A = ω/n if independent',
    parameters: {},
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'downlink',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  stepSize: ({ downlink: { alpha }, uplink: { A } }, { f, max }) => 1 / (1 / ef21PStepSize(alpha, f) + 2 * A * max),
  server: ef21PServer,
  worker: ef21PWorker('compressed'),
});
