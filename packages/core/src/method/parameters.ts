import { UsageError } from '../errors.js';
import type { Spec } from '../spec.js';

/**
 * The parameters of any method, as the plan of a run and the control channel hold them: named numbers, choices and flags. A
 * method itself works with a type of its own. A parameter that is not set is left out.
 */
export type MethodParameters = Readonly<Record<string, number | string | boolean>>;

/** A type whose every property can be a parameter. An optional one that is not set must be left out. */
export type ParametersShape<P> = { readonly [K in keyof P]: number | string | boolean | undefined };

/** μ of the Polyak–Łojasiewicz condition ‖∇f(x)‖² ≥ 2μ(f(x) − f*), where it was given. */
export interface PolyakLojasiewicz {
  readonly mu?: number;
}

/** Reads `mu`, for methods whose step size knows it. @throws UsageError */
export function polyakLojasiewicz(spec: Spec): PolyakLojasiewicz {
  const mu = spec.number('mu', 0, Number.MAX_VALUE, true);
  return mu === undefined ? {} : { mu };
}

/** Reads a number of samples, at most those there are unless they may repeat. @throws UsageError */
export function batchSize(spec: Spec, key: string, samples: number | undefined, repeats: boolean): number | undefined {
  return spec.integer(key, 1, repeats ? 1e9 : (samples ?? 1));
}

/**
 * A number of samples that is a parameter of the method, `key`, or an option of the run, with the value `asked`.
 * @throws UsageError as {@link batchSize} does, and when both are given
 */
export function batchSizeOrOption(
  [key, option]: readonly [string, string],
  spec: Spec,
  asked: number | undefined,
  samples: number | undefined,
  repeats: boolean,
): number | undefined {
  const own = batchSize(spec, key, samples, repeats);
  if (own === undefined || asked === undefined) return own ?? asked;
  throw new UsageError(`method ${spec.name}: ${key}=${own} and ${option} ${asked} set the same number; leave out one`);
}

/**
 * A method's parameters as the outside gets to see them, in summaries, explanations and logs: numbers under the names of
 * specs. What the method reports, else its numeric parameters, `pDownlink` as `p-downlink`.
 */
export function reportedParameters(
  method: { readonly report?: ((parameters: MethodParameters) => Readonly<Record<string, number>>) | undefined },
  parameters: MethodParameters,
): Readonly<Record<string, number>> {
  if (method.report !== undefined) return method.report(parameters);
  const reported: Record<string, number> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'number') reported[kebab(name)] = value;
  }
  return reported;
}

/** camelCase as kebab-case. */
function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
