import type { Model } from './model/model.js';
import type { Summary } from './run/metrics.js';

/**
 * What a run came to, with the model that it trained. `model` is not enumerable: a result that is sent as JSON, spread or
 * logged is the summary alone.
 */
export type RunResult = Summary & { readonly model: Model };
