import type { RunPlan } from '../run/plan.js';

/** Whether frames carry times: their links are paced, or modelled beside the run. */
export function isStamped({ links, linkModels }: RunPlan): boolean {
  return links !== undefined || linkModels.length > 0;
}
