// @ts-check

/** Eight colours that stay apart for every common kind of colour blindness (Okabe, Ito), on white and on black. */
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#b2528f', '#8a6d00', '#3a3a3a', '#2f8fcf', '#a0380f'];
const DARK = ['#56b4e9', '#ff8c42', '#2ecc9b', '#e39ac6', '#f0e442', '#e6e6e6', '#9ad0f5', '#ffb38a'];

/** Runs that one chart tells apart. */
export const MAX_RUNS = LIGHT.length;

/** So that curves can be told apart without their colours. @type {number[][]} */
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 4], [5, 2, 1, 2, 1, 2], [3, 6], [14, 3, 4, 3]];

const dark = matchMedia('(prefers-color-scheme: dark)');

export const isDark = () => dark.matches;

/** Calls back when the system's colours have become other ones. */
export const onColours = (/** @type {() => void} */ changed) => dark.addEventListener('change', changed);

/** Colour and dash of the curve in a place. */
export const styleOf = (/** @type {number} */ place) => ({
  colour: (isDark() ? DARK : LIGHT)[place % MAX_RUNS],
  dash: DASHES[place % MAX_RUNS],
});

/** What is drawn on a canvas besides curves. */
export const inks = () =>
  isDark()
    ? { ink: '#e4e4e4', faint: '#a5a5a5', line: '#33373d', paper: '#1b1e22' }
    : { ink: '#222222', faint: '#5c5c5c', line: '#e2e2e2', paper: '#ffffff' };

/** Steps of the colours from far below the median, blue, over grey to far above it, orange. */
const STEPS = 32;
/** @type {Record<string, string[]>} */
const DIVERGING = {
  light: ramp([90, 160, 210], [222, 225, 229], [213, 94, 0]),
  dark: ramp([47, 143, 207], [62, 67, 74], [255, 140, 66]),
};

function ramp(/** @type {number[]} */ low, /** @type {number[]} */ mid, /** @type {number[]} */ high) {
  return Array.from({ length: 2 * STEPS + 1 }, (_, k) => {
    const part = Math.abs(k - STEPS) / STEPS;
    const end = k < STEPS ? low : high;
    return `rgb(${mid.map((value, c) => Math.round(value + part * (end[c] - value))).join(' ')})`;
  });
}

/** The colours of −1 (far below the median) over 0 to 1 (far above), as a function. */
export function divergingColours() {
  const colours = DIVERGING[isDark() ? 'dark' : 'light'];
  return (/** @type {number} */ t) => colours[Math.round(STEPS * (1 + Math.max(-1, Math.min(1, t))))];
}
