// AssemblyScript: compiled to one module of WebAssembly SIMD by packages/build.js, called through src/codec-kernels.ts. Nothing
// is kept in it between two messages. Pointers are byte addresses.

export { read as readAdaptive, readFurther, write as writeAdaptive, writeFurther } from './adaptive-code';
export { roundNatural, roundPowers, roundUniform, seed, valuesOfNatural, valuesOfPowers, valuesOfUniform } from './rounding';
export { largestMagnitude, sumOfSquares } from './norms';
export { finite, narrow, widen } from './plain';
export { countClasses, decode, encode, numbersOf, states, tokenise } from './block-code';
export { equalKeys, listAbove, selectKey, wantedKeys } from './select';
export { deal } from './shuffle';

/** The first address that is free. */
export function base(): usize {
  return (__heap_base + 15) & ~15;
}
