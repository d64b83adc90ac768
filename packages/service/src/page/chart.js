// @ts-check
import {
  all,
  decades,
  isLog,
  linearRange,
  logRange,
  logSplits,
  roomyLogRange,
  roomyRange,
  yWidth,
  zeroRange,
} from './axes.js';
import { h, setText } from './dom.js';
import { number, tick } from './format.js';
import { inks, onColours, styleOf } from './look.js';
import uPlot from './uPlot.esm.js';

/**
 * A curve: x never falls. Where a value cannot be drawn, the curve has a gap.
 * @typedef {object} Curve
 * @property {string} name
 * @property {number} place Which colour and dash it has.
 * @property {number[]} xs
 * @property {(number | null)[]} ys
 */

/**
 * What a chart shows.
 * @typedef {object} Shown
 * @property {Curve[]} curves
 * @property {string} xLabel
 * @property {'bytes' | undefined} [xUnit]
 * @property {boolean} xLog
 * @property {boolean} yLog
 */

/** A chart is drawn at most so often, in ms, and takes at most one part in thirty of the time. */
const MIN_GAP = 1000;
const SHARE = 30;
/** What of a frame drawings may take, in ms; the others come with the next one. */
const FRAME = 8;
const FONT = '12px system-ui, sans-serif';

/** Charts that are on the screen. @type {Set<Chart>} */
const visible = new Set();
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const chart = /** @type {Chart} */ (charts.get(target));
    if (isIntersecting) visible.add(chart);
    else visible.delete(chart);
    chart.draw();
  }
});
/** Charts that are to be drawn. @type {Set<Chart>} */
const due = new Set();

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let frame = 0;

/** Has charts drawn when the time of the first of them has come. */
function schedule() {
  clearTimeout(timer);
  cancelAnimationFrame(frame);
  if (due.size === 0) return;
  const wait = Math.min(...[...due].map(({ nextAt }) => nextAt)) - performance.now();
  const inFrame = () => {
    frame = requestAnimationFrame(drawDue);
  };
  if (wait > 16) timer = setTimeout(inFrame, wait);
  else inFrame();
}

/** Draws those whose time has come, as far as the frame has room. */
function drawDue() {
  const start = performance.now();
  for (const chart of due) {
    if (chart.nextAt > start) continue;
    due.delete(chart);
    chart.drawNow();
    if (performance.now() - start > FRAME) break;
  }
  schedule();
}
/** @type {WeakMap<Element, Chart>} */
const charts = new WeakMap();

/** Curves over one pair of axes, with the values under the pointer below, and what it shows in words for who cannot see it. */
export class Chart {
  /** @type {uPlot | undefined} */
  #plot;
  /** How the drawing was made: another one is made when that changes. */
  #shape = '';
  /** @type {(() => Shown) | undefined} */
  #build;
  /** @type {Shown | undefined} */
  #shown;
  /** When it may be drawn again, in ms of performance.now(). */
  nextAt = 0;

  /**
   * @param {string} title
   * @param {{ yUnit?: 'bytes', fromZero?: boolean, hasLegend?: boolean, tools?: HTMLElement[] }} [options]
   */
  constructor(title, { yUnit, fromZero = false, hasLegend = true, tools = [] } = {}) {
    this.title = title;
    this.hasLegend = hasLegend;
    this.yUnit = yUnit;
    this.fromZero = fromZero;
    this.canvas = h('div', { class: 'plot', role: 'img', 'aria-label': title });
    this.readout = h('p', { class: 'readout', 'aria-hidden': 'true' }, '\u00a0');
    this.legend = h('ul', { class: 'legend', 'aria-hidden': 'true' });
    this.element = h(
      'figure',
      { class: 'chart' },
      h('figcaption', {}, h('span', { class: 'title' }, title), ...tools),
      this.legend,
      this.canvas,
      this.readout,
    );
    charts.set(this.canvas, this);
    seen.observe(this.canvas);
    new ResizeObserver(() => {
      if (this.#plot !== undefined && this.canvas.clientWidth > 0) this.#plot.setSize(this.#size());
      else this.draw();
    }).observe(this.canvas);
    onColours(() => {
      this.#shape = '';
      this.draw();
    });
  }

  /**
   * @param {() => Shown} build Called when it is drawn: numbers may come faster.
   * @param {{ soon?: boolean }} [how] `soon`: the reader has chosen something, and waits for it.
   */
  show(build, { soon = false } = {}) {
    this.#build = build;
    if (soon) this.nextAt = 0;
    this.draw();
    if (soon) schedule();
  }

  /** Draws soon, once, and only where it can be seen. */
  draw() {
    if (this.#build === undefined || !visible.has(this) || due.has(this)) return;
    due.add(this);
    schedule();
  }

  drawNow() {
    if (!visible.has(this) || this.canvas.clientWidth === 0) return;
    const start = performance.now();
    this.#draw();
    const now = performance.now();
    // one that shows next to nothing is about to show more
    const isEmpty = this.#shown?.curves.every(({ xs }) => xs.length < 3) === true;
    this.nextAt = now + Math.max(isEmpty ? MIN_GAP / 5 : MIN_GAP, SHARE * (now - start));
  }

  #size() {
    const width = this.canvas.clientWidth;
    return { width, height: Math.round(Math.min(320, Math.max(200, width * 0.5))) };
  }

  #draw() {
    if (this.#build === undefined) return;
    const shown = this.#build();
    this.#shown = shown;
    const { curves } = shown;
    const data = dataOf(shown);
    const shape = JSON.stringify([
      curves.map(({ name, place }) => [name, place]),
      shown.xLabel,
      shown.xLog,
      shown.yLog,
    ]);
    if (shape === this.#shape && this.#plot !== undefined) this.#plot.setData(data);
    else {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(shown), data, this.canvas);
      this.#shape = shape;
      if (this.hasLegend) fillLegend(this.legend, curves);
    }
    this.canvas.setAttribute('aria-label', described(this.title, shown));
  }

  /** @returns {uPlot.Options} */
  #options(/** @type {Shown} */ { curves, xLabel, xUnit, xLog, yLog }) {
    const { ink, line } = inks();
    const axis = (/** @type {'bytes' | undefined} */ unit, /** @type {boolean} */ log) => ({
      stroke: ink,
      font: FONT,
      labelFont: FONT,
      grid: { stroke: line, width: 1, ...(log ? { filter: decades } : {}) },
      ticks: { stroke: line, width: 1, size: 5, ...(log ? { filter: decades } : {}) },
      values: (/** @type {uPlot} */ _, /** @type {(number | null)[]} */ values) =>
        values.map((value) => (value === null ? null : tick(value, unit))),
    });
    const wide = Math.max(0, ...curves.map(({ place }) => place)) > 0 || curves.length > 1;
    return {
      ...this.#size(),
      legend: { show: false },
      padding: [8, 26, 0, 0],
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, distr: xLog ? 3 : 1, range: xLog ? logRange : linearRange },
        y: { distr: yLog ? 3 : 1, range: yLog ? roomyLogRange : this.fromZero ? zeroRange : roomyRange },
      },
      axes: [
        {
          ...axis(xUnit, xLog),
          label: xLabel,
          labelSize: 20,
          labelGap: 0,
          size: 30,
          space: 60,
          filter: xLog ? decades : all,
          ...(xLog ? { splits: logSplits } : {}),
        },
        {
          ...axis(this.yUnit, yLog),
          size: yWidth,
          space: 34,
          filter: yLog ? decades : all,
          ...(yLog ? { splits: logSplits } : {}),
        },
      ],
      series: [
        {},
        ...curves.map(({ name, place }) => {
          const { colour, dash } = styleOf(place);
          return {
            label: name,
            stroke: colour,
            width: 1.75,
            ...(wide ? { dash } : {}),
            points: { show: fewPoints, size: 5, fill: colour },
          };
        }),
      ],
      hooks: { setCursor: [(plot) => this.#read(plot, curves)] },
    };
  }

  /** The values under the pointer. */
  #read(/** @type {uPlot} */ plot, /** @type {Curve[]} */ curves) {
    const { idx } = plot.cursor;
    const shown = this.#shown;
    if (idx === null || idx === undefined || shown === undefined) return setText(this.readout, '\u00a0');
    const x = plot.data[0][idx];
    const values = curves.flatMap(({ name }, k) => {
      const y = nearest(plot.data[k + 1], idx);
      return y === undefined ? [] : [curves.length > 1 ? `${name} ${this.#value(y)}` : this.#value(y)];
    });
    setText(this.readout, `${shown.xLabel} ${tick(x, shown.xUnit)}: ${values.join(' · ')}`);
  }

  #value(/** @type {number} */ y) {
    return this.yUnit === 'bytes' ? tick(y, 'bytes') : number(y);
  }
}

/** What curves are called, where there are several. */
export function fillLegend(/** @type {HTMLElement} */ legend, /** @type {Pick<Curve, 'name' | 'place'>[]} */ curves) {
  const shown = curves.length > 1 ? curves : [];
  legend.replaceChildren(...shown.map(({ name, place }) => h('li', {}, swatch(place), name)));
}

const SVG = 'http://www.w3.org/2000/svg';

/** A piece of the curve in a place. */
export function swatch(/** @type {number} */ place) {
  const { colour, dash } = styleOf(place);
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'line');
  const set = (/** @type {Element} */ element, /** @type {Record<string, string | number>} */ attributes) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  };
  set(svg, { width: 28, height: 10, class: 'swatch', 'aria-hidden': 'true' });
  set(line, { x1: 0, x2: 28, y1: 5, y2: 5, stroke: colour, 'stroke-width': 2.5, 'stroke-dasharray': dash.join(' ') });
  svg.append(line);
  return svg;
}

/** A value at an index, or the one before it: curves that were joined have none where the others have theirs. */
function nearest(/** @type {ArrayLike<number | null | undefined>} */ ys, /** @type {number} */ idx) {
  for (let k = idx; k >= 0; k--) {
    const y = ys[k];
    if (y !== null && y !== undefined) return y;
  }
  return undefined;
}

/** @returns {uPlot.AlignedData} */
function dataOf(/** @type {Shown} */ { curves, xLog, yLog }) {
  const tables = curves.map(({ xs, ys }) => {
    const drawn = yLog ? ys.map((y) => (y !== null && isLog(y) ? y : null)) : ys;
    const from = xLog ? xs.findIndex(isLog) : 0;
    if (from === 0) return [xs, drawn];
    return from < 0 ? [[], []] : [xs.slice(from), drawn.slice(from)];
  });
  if (tables.length === 0) return [[], []];
  if (tables.length === 1) return /** @type {uPlot.AlignedData} */ (tables[0]);
  return uPlot.join(/** @type {uPlot.AlignedData[]} */ (tables));
}

const fewPoints = (/** @type {uPlot} */ plot, /** @type {number} */ series) =>
  plot.data[series].length <= 2 || (plot.data.length === 2 && plot.data[0].length <= 24);

/** @returns {string} What a chart shows, in words. */
function described(/** @type {string} */ title, /** @type {Shown} */ { curves, xLabel, xUnit }) {
  const parts = curves.map(({ name, xs, ys }) => {
    const known = ys.flatMap((y, k) => (y === null ? [] : [k]));
    const [first] = known;
    const last = known.at(-1);
    if (first === undefined || last === undefined) return `${name}: nothing yet`;
    const at = (/** @type {number} */ k) => `${number(ys[k])} at ${xLabel} ${tick(xs[k], xUnit)}`;
    return `${name}: from ${at(first)} to ${at(last)}`;
  });
  return `${title} against ${xLabel}. ${parts.join('; ')}`;
}
