/** The generator alone, which the package's main entry wraps in seven others that are never used. */
declare module 'seedrandom/seedrandom.js' {
  import seedrandom from 'seedrandom';
  export default seedrandom;
}
