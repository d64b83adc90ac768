// @ts-check

/** @typedef {{ megabytes: number, seconds: number, f: number }} Point */
/** @typedef {{ name: string, colour: string, points: Point[] }} Curve */

const [WIDTH, HEIGHT, ABOVE] = [300, 200, 40];
const STYLE =
  'text{font:12px sans-serif;fill:#333}.axis{fill:none;stroke:#888}@media(prefers-color-scheme:dark){text{fill:#ccc}}';

/** Round numbers from 0 to `max`, six at most. @param {number} max */
function ticks(max) {
  const unit = 10 ** Math.floor(Math.log10(max / 5));
  const step = unit * ([1, 2, 5].find((times) => max / (times * unit) <= 5) ?? 10);
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, k) => Number((k * step).toPrecision(3)));
}

/** @param {number | string} x @param {number | string} y @param {number | string} words @param {string} rest */
const text = (x, y, words, rest) => `<text x="${x}" y="${y}" ${rest}>${words}</text>`;
const [MIDDLE, END] = ['text-anchor="middle"', 'text-anchor="end"'];

/** f against one of the others. @param {Curve[]} curves @param {'megabytes' | 'seconds'} key @param {string} label @param {number} left */
function panel(curves, key, label, left) {
  const points = curves.flatMap((curve) => curve.points);
  const [most, top] = [Math.max(...points.map((point) => point[key])), Math.max(...points.map(({ f }) => f))];
  const below = ABOVE + HEIGHT;
  const x = (/** @type {number} */ value) => Number((left + (WIDTH * value) / most).toFixed(1));
  const y = (/** @type {number} */ f) => Number((below - (HEIGHT * f) / top).toFixed(1));
  const line = (/** @type {Curve} */ { colour, points }) => {
    const drawn = points.map((point) => `${x(point[key])},${y(point.f)}`).join(' ');
    return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${drawn}"/>`;
  };
  return [
    `<path class="axis" d="M${left} ${ABOVE}V${below}H${left + WIDTH}"/>`,
    ...ticks(most).map((value) => text(x(value), below + 16, value, MIDDLE)),
    ...ticks(top).map((f) => text(left - 6, y(f) + 4, f, END)),
    text(left + WIDTH / 2, below + 34, label, MIDDLE),
    text(left - 6, ABOVE - 12, 'f', END),
    ...curves.map(({ name, colour }, k) =>
      text(left + WIDTH, ABOVE + 10 + 16 * k, name, `${END} style="fill:${colour}"`),
    ),
    ...curves.map(line),
  ].join('\n');
}

/** A picture that needs nothing else. @param {string} title @param {Curve[]} curves */
export function svg(title, curves) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 290" role="img"><title>${title}</title>
<style>${STYLE}</style>
${panel(curves, 'megabytes', 'megabytes sent, both links', 50)}
${panel(curves, 'seconds', 'seconds of rounds', 430)}
</svg>
`;
}
