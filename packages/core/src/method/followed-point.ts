import type { Incoming, LocalFunction } from './method.js';

/** Above this share of the coordinates a new product is cheaper than following a step. */
const SPARSE = 1 / 8;

/** The image of a point that is about to be followed from x⁰ on; undefined when f_i has none. */
export function imageOf(x: Float64Array, local: LocalFunction): Float64Array | undefined {
  const image = local.linearMap?.allocate();
  if (image !== undefined) local.linearMap?.product(x, image);
  return image;
}

/** w ← x⁺ when the downlink is dense, else w + the step it carried; the image of w follows. */
export function receive(incoming: Incoming, w: Float64Array, image: Float64Array | undefined, local: LocalFunction) {
  if (incoming.form === 'dense') incoming.copyTo(w);
  else incoming.addTo(w, 1);
  if (image === undefined) return;
  const step = incoming.form === 'dense' ? undefined : incoming.sparse;
  if (step !== undefined && step.count <= SPARSE * w.length) {
    local.linearMap?.addProduct(step.index, step.values, step.count, image);
  } else {
    local.linearMap?.product(w, image);
  }
}

/** Writes ∇f_i to `out`, at a point whose image is known when there is one. */
export function gradientAt(x: Float64Array, image: Float64Array | undefined, local: LocalFunction, out: Float64Array) {
  if (image === undefined || local.linearMap === undefined) local.gradient(x, out);
  else local.linearMap.gradientAt(x, image, out);
}
