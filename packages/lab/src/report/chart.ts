import { bytes } from '../terminal/format.js';
import { escapeHtml } from './escape.js';

/** A curve. Points that are not finite, or not positive on a logarithmic axis, are left out. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Spread around the curve: x, low, high. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
  /** Series with the same number share colour, dash and marker; its place in the chart when left out. */
  readonly style?: number;
}

/** Curves over one pair of axes. */
export interface ChartSpec {
  readonly title: string;
  /** Its file's name where each chart is a file, without an ending. */
  readonly file?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** What x and y count, where ticks have a unit. */
  readonly xUnit?: 'bytes' | undefined;
  readonly yUnit?: 'bytes' | undefined;
  readonly xLog?: boolean;
  readonly yLog?: boolean;
  readonly series: readonly Series[];
}

/** A drawn chart: a self-contained SVG document, and where its axes lie in it. */
export interface DrawnChart {
  readonly svg: string;
  /** A value v lies at pixel `from + by * v`, or `from + by * log10(v)` on a logarithmic axis. */
  readonly x: { readonly from: number; readonly by: number };
  readonly y: { readonly from: number; readonly by: number };
}

/** Eight colours that stay apart for every common kind of colour blindness (Okabe, Ito), on white and on black. */
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#b2528f', '#8a6d00', '#3a3a3a', '#2f8fcf', '#a0380f'];
const DARK = ['#56b4e9', '#ff8c42', '#2ecc9b', '#e39ac6', '#f0e442', '#e6e6e6', '#9ad0f5', '#ffb38a'];
/** Curves that a chart tells apart by their colours. */
export const MAX_CURVES = LIGHT.length;
/** Which dash and marker a style has. Where colours come again, it is with others. */
const patternOf = (style: number) => (style + 3 * Math.floor(style / MAX_CURVES)) % MAX_CURVES;
const DASHES: (string | number[])[] = [
  'solid',
  [7, 4],
  [2, 3],
  [9, 3, 2, 3],
  [12, 4],
  [5, 2, 1, 2, 1, 2],
  [3, 6],
  [14, 3, 4, 3],
];
const MARKERS = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect', 'emptyTriangle', 'emptyDiamond'];
/** Markers on a curve, so that curves can be told apart in black and white. */
const MARKERS_PER_CURVE = 6;
/** More points than this are not visible in a drawing of some hundred pixels. */
const MAX_POINTS = 200;

/** What each drawing begins with. */
export const SVG_HEAD = '<svg class="chart" ';

const INK = 'var(--chart-ink)';
const FAINT = 'var(--chart-faint)';
/** Colours stand in the document itself, so that it is light or dark wherever it is shown. */
const STYLE = `<style>.chart{--chart-ink:#222;--chart-faint:#dcdcdc;--chart-paper:#fff;${LIGHT.map((c, k) => `--chart-${k}:${c}`).join(';')};font-family:system-ui,sans-serif}
@media screen and (prefers-color-scheme:dark){.chart{--chart-ink:#e4e4e4;--chart-faint:#3c3c3c;--chart-paper:#16181b;${DARK.map((c, k) => `--chart-${k}:${c}`).join(';')}}}</style>`;

/**
 * Draws a chart. Needs no DOM; loads the library when first called.
 * @param height With a title and a legend of one line each; those of more lines make it higher.
 */
export async function drawChart(spec: ChartSpec, width: number, height: number): Promise<DrawnChart> {
  const echarts = await import('echarts/dist/echarts.esm.min.mjs');
  // without a canvas the library takes letters to be narrower than most fonts have them, and legends would overlap
  echarts.setPlatformAPI({ measureText: (text, font) => ({ width: textWidth(text) * fontScale(font) }) });
  const { xLog = false, yLog = false } = spec;
  const series = spec.series.map((one, k) => ({
    name: one.name,
    points: drawnPoints(spec, one),
    band: thin(
      (one.band ?? []).filter(([x, low, high]) => drawable(spec, x, low) && drawable(spec, x, high)),
      xLog,
    ),
    style: one.style ?? k,
  }));

  const title = wrapped(spec.title, (width - 24) / (width < 500 ? LETTER : 8));
  const titleHeight = 18 * (lineCount(title) - 1);
  const legend = new Map(series.map(({ name }) => [name, wrapped(name, (width - 80) / LETTER)]));
  const legendHeight = legendRows([...legend.values()], width - 16);
  const full = height + titleHeight + legendHeight;
  const axis = (name: string, log: boolean, values: readonly number[], gap: number, unit?: 'bytes') => ({
    type: log ? ('log' as const) : ('value' as const),
    name,
    nameLocation: 'middle' as const,
    nameGap: gap,
    nameTextStyle: { color: INK, fontSize: 12 },
    axisLabel: { color: INK, fontSize: 11, hideOverlap: true, formatter: unit === 'bytes' ? bytesTick : tick },
    axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
    splitLine: { show: true, lineStyle: { color: FAINT } },
    minorTick: { show: log },
    ...(log ? logRange(values) : { scale: true }),
  });
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points, band }) => [...points.map(([, y]) => y), ...band.flatMap(([, l, h]) => [l, h])]);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height: full });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: 'transparent',
      title: {
        text: title,
        left: 8,
        top: 4,
        textStyle: {
          color: INK,
          fontSize: width < 500 ? 12 : 14,
          fontWeight: 600,
        },
      },
      legend: {
        top: 28 + titleHeight,
        left: 8,
        right: 8,
        itemWidth: 34,
        itemHeight: 9,
        itemGap: 14,
        textStyle: { color: INK, fontSize: 11 },
        formatter: (name: string) => legend.get(name) ?? name,
        data: series.map(({ name }) => ({ name })),
      },
      grid: { left: 58, right: 18, top: 59 + titleHeight + legendHeight, bottom: 46, containLabel: false },
      xAxis: axis(spec.xLabel, xLog, xs, 28, spec.xUnit),
      yAxis: axis(spec.yLabel, yLog, ys, 44, spec.yUnit),
      series: series.flatMap(({ name, points, band, style }) => {
        const colour = `var(--chart-${style % MAX_CURVES})`;
        const pattern = patternOf(style);
        const symbol = MARKERS[pattern] as string;
        const itemStyle = { color: colour };
        const common = { name, silent: true, symbol, symbolSize: 7, itemStyle, emphasis: { disabled: true } };
        const lineStyle = { color: colour, width: 1.8, type: DASHES[pattern] as number[] };
        const data = points.map((point) => [...point]);
        const curve = { ...common, type: 'line' as const, z: 3, showSymbol: false, lineStyle, data };
        const every = Math.max(1, Math.ceil(points.length / MARKERS_PER_CURVE));
        const marked = data.filter((_, k) => k % every === (2 * style) % every);
        const markers = { ...common, type: 'scatter' as const, z: 4, data: marked };
        return band.length < 2 ? [curve, markers] : [shade(band, colour), curve, markers];
      }),
    });
    const pixel = (x: number, y: number) =>
      chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [x, y]) as unknown as [number, number];
    // two points tell where an axis lies: 1 and 10 are 0 and 1 on a logarithmic one
    const [low, high] = [pixel(xLog ? 1 : 0, yLog ? 1 : 0), pixel(xLog ? 10 : 1, yLog ? 10 : 1)];
    return {
      svg: document(spec.title, chart.renderToSVGString(), width, full),
      x: { from: low[0], by: high[0] - low[0] },
      y: { from: low[1], by: high[1] - low[1] },
    };
  } finally {
    chart.dispose();
  }
}

/** Width of a letter of the legend, 11 pixels high, on average, in pixels. */
const LETTER = 6.6;

/** Pixels of a text there. East Asian letters are as wide as a line is high: the library measures one for that. */
const textWidth = (text: string) => [...text].reduce((sum, letter) => sum + (letter >= '\u2e80' ? 11 : LETTER), 0);

/** How much larger a font is than the legend's. */
const fontScale = (font: string | undefined) => Number(/(\d+(?:\.\d+)?)px/.exec(font ?? '')?.[1] ?? 11) / 11;

/** Text in lines of at most so many letters, broken after blanks where there are some. */
function wrapped(text: string, letters: number): string {
  const most = Math.max(8, Math.floor(letters));
  const lines: string[] = [];
  let rest = text;
  while (rest.length > most) {
    const blank = rest.lastIndexOf(' ', most);
    const end = blank > most / 3 ? blank : most;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest].join('\n');
}

const lineCount = (text: string) => text.split('\n').length;

/** Pixels that a legend with these entries takes beyond a row of one line. */
function legendRows(entries: readonly string[], width: number): number {
  const heights = [0];
  let used = 0;
  for (const entry of entries) {
    const size = LETTER * Math.max(...entry.split('\n').map(({ length }) => length)) + 53;
    if (used > 0 && used + size > width) {
      heights.push(0);
      used = 0;
    }
    used += size;
    heights.push(Math.max(heights.pop() as number, 11 + 14 * lineCount(entry)));
  }
  return Math.max(0, heights.reduce((sum, height) => sum + height, 0) - 25);
}

/** The points of a series as they are drawn. */
export function drawnPoints(spec: ChartSpec, { points }: Series): (readonly [x: number, y: number])[] {
  return thin(
    points.filter(([x, y]) => drawable(spec, x, y)),
    spec.xLog ?? false,
  );
}

function drawable({ xLog = false, yLog = false }: ChartSpec, x: number, y: number): boolean {
  return Number.isFinite(x) && Number.isFinite(y) && (!xLog || x > 0) && (!yLog || y > 0);
}

/** The area between two edges, as a polygon through the band's upper and lower ends. */
function shade(band: readonly (readonly [number, number, number])[], colour: string) {
  const outline = [...band.map(([x, , high]) => [x, high]), ...band.map(([x, low]) => [x, low]).reverse()];
  return {
    type: 'custom' as const,
    silent: true,
    z: 1,
    // all of it, so that the axes reach around it
    data: outline,
    // biome-ignore lint/suspicious/noExplicitAny: the library's own callback type
    renderItem: ({ dataIndex }: { dataIndex: number }, api: any) =>
      dataIndex > 0
        ? null
        : {
            type: 'polygon' as const,
            shape: { points: outline.map((point) => api.coord(point) as number[]) },
            style: { fill: colour, opacity: 0.18 },
          },
  };
}

/** Whole decades around the values, a hair beyond one forgiven, and never less than one. */
function logRange(values: readonly number[]): { min: number; max: number } {
  const low = Math.floor(Math.log10(Math.min(...values, Number.MAX_VALUE)) + 0.02);
  const high = Math.ceil(Math.log10(Math.max(...values, Number.MIN_VALUE)) - 0.02);
  return values.length === 0 ? { min: 1, max: 10 } : { min: 10 ** low, max: 10 ** Math.max(high, low + 1) };
}

/** At most MAX_POINTS of the points, evenly over the axis, ends kept. */
function thin<T extends readonly [number, ...number[]]>(points: readonly T[], log: boolean): T[] {
  if (points.length <= MAX_POINTS) return [...points];
  const at = (point: T | undefined) => (log ? Math.log(point?.[0] ?? 1) : (point?.[0] ?? 0));
  const step = (at(points.at(-1)) - at(points[0])) / (MAX_POINTS - 1);
  const kept: T[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const [k, point] of points.entries()) {
    if (at(point) < next && k < points.length - 1) continue;
    kept.push(point);
    next = at(point) + step;
  }
  return kept;
}

const SUPERSCRIPT: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'⁰¹²³⁴⁵⁶⁷⁸⁹'].map((s, k) => [k, s])),
  '-': '⁻',
};

/** A tick as a reader writes it: 0.25, 1500, 2·10⁶, 10⁻³. */
function tick(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 0.01 && size < 10_000)) return String(Number(value.toPrecision(4)));
  const [mantissa, exponent] = value.toExponential(3).split('e') as [string, string];
  const power = [...String(Number(exponent))].map((digit) => SUPERSCRIPT[digit]).join('');
  return Number(mantissa) === 1 ? `10${power}` : `${Number(mantissa)}·10${power}`;
}

/** A tick of an axis of bytes: 0, 500 kB, 1.5 MB. */
function bytesTick(value: number): string {
  const [count, unit] = bytes(value).split(' ');
  return value === 0 ? '0' : `${Number(count)} ${unit}`;
}

/** The library's drawing with a view box, so that it scales, and with its colours. */
function document(title: string, drawn: string, width: number, height: number): string {
  const body = drawn
    .replace(/^<svg[^>]*>|<\/svg>\s*$|<style[^>]*>[\s\S]*?<\/style>/g, '')
    .replace(/ (?:class|pointer-events|ecmeta_[a-z_]+)="[^"]*"/g, '');
  return `${SVG_HEAD}xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${escapeHtml(title)}</title>${STYLE}<rect width="100%" height="100%" style="fill:var(--chart-paper)"/>${body}</svg>`;
}
