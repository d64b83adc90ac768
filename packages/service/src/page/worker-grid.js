// @ts-check
import { h } from './dom.js';
import { divergingColours, inks, onColours } from './look.js';

/** A cell's edge in CSS pixels. */
const [SMALLEST, LARGEST] = [5, 40];
/** What the grid is as high as, unless its cells would be smaller than the smallest. */
const HEIGHT = 190;

/** One cell a worker, coloured by how far its value is from the median; one that holds the others up has a ring. */
export class WorkerGrid {
  /** @type {{ values: number[], middle: number, marked: ReadonlySet<number>, chosen: number }} */
  #shown = { values: [], middle: 0, marked: new Set(), chosen: -1 };
  #planned = false;
  #columns = 1;
  #edge = LARGEST;

  constructor(/** @type {(worker: number) => void} */ onPoint) {
    this.canvas = h('canvas', { class: 'workers-canvas', role: 'img' });
    this.element = h('div', { class: 'workers-grid' }, this.canvas);
    const context = this.canvas.getContext('2d');
    if (context === null) throw new Error('no canvas');
    this.context = context;
    const point = (/** @type {PointerEvent} */ event) => {
      const column = Math.floor(event.offsetX / this.#edge);
      const worker = Math.floor(event.offsetY / this.#edge) * this.#columns + column;
      if (column < this.#columns && worker >= 0 && worker < this.#shown.values.length) onPoint(worker);
    };
    this.canvas.addEventListener('pointermove', point);
    this.canvas.addEventListener('pointerdown', point);
    new ResizeObserver(() => this.#plan()).observe(this.element);
    onColours(() => this.#plan());
  }

  /**
   * @param {number[]} values One a worker.
   * @param {number} middle The value that is neither much nor little.
   * @param {ReadonlySet<number>} marked Workers with a ring.
   * @param {number} chosen The worker that is looked at; −1 for none.
   */
  show(values, middle, marked, chosen) {
    this.#shown = { values, middle, marked, chosen };
    this.#plan();
  }

  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#draw();
    });
  }

  #draw() {
    const { canvas, context } = this;
    const { values, middle, marked, chosen } = this.#shown;
    const width = this.element.clientWidth;
    const n = values.length;
    if (width === 0 || n === 0) return;
    const fitting = Math.floor(Math.sqrt((width * HEIGHT) / n));
    const edge = Math.max(SMALLEST, Math.min(LARGEST, fitting));
    const columns = Math.min(n, Math.floor(width / edge));
    const [wide, high] = [columns * edge, Math.ceil(n / columns) * edge];
    this.#edge = edge;
    this.#columns = columns;
    const scale = devicePixelRatio;
    const [w, hh] = [Math.round(wide * scale), Math.round(high * scale)];
    if (canvas.width !== w || canvas.height !== hh) {
      canvas.width = w;
      canvas.height = hh;
      canvas.style.width = `${wide}px`;
      canvas.style.height = `${high}px`;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, wide, high);
    const gap = edge > 10 ? 2 : 1;
    const { ink } = inks();
    const colour = divergingColours();
    for (let worker = 0; worker < n; worker++) {
      const x = (worker % columns) * edge;
      const y = Math.floor(worker / columns) * edge;
      context.fillStyle = colour(distance(values[worker], middle));
      context.fillRect(x, y, edge - gap, edge - gap);
    }
    if (edge >= 26) this.#number(n, columns, edge - gap, ink);
    context.strokeStyle = ink;
    const ring = (/** @type {number} */ worker, /** @type {number} */ line) => {
      context.lineWidth = line;
      const x = (worker % columns) * edge;
      const y = Math.floor(worker / columns) * edge;
      context.strokeRect(x + line / 2, y + line / 2, edge - gap - line, edge - gap - line);
    };
    for (const worker of marked) ring(worker, edge > 14 ? 2.5 : 1.5);
    if (chosen >= 0 && chosen < n) {
      context.setLineDash([3, 2]);
      ring(chosen, 2);
      context.setLineDash([]);
    }
  }

  #number(
    /** @type {number} */ n,
    /** @type {number} */ columns,
    /** @type {number} */ edge,
    /** @type {string} */ ink,
  ) {
    const { context } = this;
    context.font = '11px system-ui, sans-serif';
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillStyle = ink;
    for (let worker = 0; worker < n; worker++) {
      const x = (worker % columns) * this.#edge;
      const y = Math.floor(worker / columns) * this.#edge;
      context.fillText(String(worker), x + edge / 2, y + edge / 2);
    }
  }
}

/** How far a value is from the middle, from −1 at a quarter of it, or less, to 1 at four times it, or more. */
function distance(/** @type {number} */ value, /** @type {number} */ middle) {
  if (middle <= 0) return value > 0 ? 1 : 0;
  if (value <= 0) return -1;
  return Math.max(-1, Math.min(1, Math.log2(value / middle) / 2));
}
