import { type ChartSpec, drawChart, drawnPoints } from './chart.js';
import { escapeHtml } from './escape.js';
import { cellText, type Table } from './table.js';

/** A part of a page: what is there is shown in this order. */
export interface Section {
  readonly title?: string;
  readonly text?: readonly string[];
  readonly charts?: readonly ChartSpec[];
  readonly tables?: readonly Table[];
  /** Shown as it is, in a fixed-width type. */
  readonly code?: string;
}

/** How every page begins, and nobody else's. */
export const PAGE_HEAD = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">`;

/** Whether a file that begins with `head` is a page of ours, so that a new one may take its place. */
export const isPage = (head: string) => head.startsWith(PAGE_HEAD);

/**
 * A self-contained page: charts drawn here, values under the pointer by a small script over data in the page, light or dark
 * as the reader's system is, nothing fetched. Every text is escaped.
 */
export async function renderPage(title: string, sections: readonly Section[]): Promise<string> {
  const parts: string[] = [];
  for (const section of sections) parts.push(await renderSection(section));
  return `${PAGE_HEAD}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${parts.join('\n')}
<script>${SCRIPT}</script>
</body>
</html>
`;
}

async function renderSection({ title, text = [], charts = [], tables = [], code }: Section): Promise<string> {
  const figures: string[] = [];
  for (const chart of charts) figures.push(await figure(chart));
  return [
    '<section>',
    ...(title === undefined ? [] : [`<h2>${escapeHtml(title)}</h2>`]),
    ...text.map((line) => `<p>${escapeHtml(line)}</p>`),
    ...(figures.length === 0 ? [] : [`<div class="charts">${figures.join('\n')}</div>`]),
    ...tables.map(table),
    ...(code === undefined ? [] : [`<pre>${escapeHtml(code)}</pre>`]),
    '</section>',
  ].join('\n');
}

/** A chart in two drawings, one for wide and one for narrow pages, and the values that both show under the pointer. */
async function figure(spec: ChartSpec): Promise<string> {
  const drawings = [await drawChart(spec, 640, 400), await drawChart(spec, 360, 330)];
  const short = (value: number) => Number(value.toPrecision(5));
  const data = {
    xLabel: spec.xLabel,
    xUnit: spec.xUnit,
    yLabel: spec.yLabel,
    yUnit: spec.yUnit,
    xLog: spec.xLog ?? false,
    yLog: spec.yLog ?? false,
    axes: drawings.map(({ x, y }) => ({ x, y })),
    series: spec.series.map((one) => ({
      name: one.name,
      points: drawnPoints(spec, one).map(([x, y]) => [short(x), short(y)]),
    })),
  };
  // `<` would let a name end the script element
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const [wide, narrow] = drawings.map(({ svg }) => svg);
  return `<figure><div class="wide">${wide}</div><div class="narrow">${narrow}</div><output></output><script type="application/json">${json}</script></figure>`;
}

function table({ title, columns, rows }: Table): string {
  // a column of figures is set to the right, its head too
  const figures = columns.map((_, k) => rows.length > 0 && rows.every((row) => isFigure(row[k] ?? null)));
  const kind = (k: number) => (figures[k] === true ? ' class="figure"' : '');
  const head = columns.map((column, k) => `<th scope="col"${kind(k)}>${escapeHtml(column)}</th>`).join('');
  const body = rows.map((row) => {
    const cells = row.map(
      (cell, k) => `<td${kind(k)} data-column="${escapeHtml(columns[k] ?? '')}">${cellHtml(cellText(cell))}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  const caption = title === '' ? '' : `<caption>${escapeHtml(title)}</caption>`;
  return `<div class="scroll"><table>${caption}<thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}

/** A mean with its deviation may be in two lines, of which the second begins with the sign; nothing else of it is parted. */
function cellHtml(text: string): string {
  const html = escapeHtml(text);
  return text.includes(' ± ') ? `<span class="spread">${html.replace(/ (?!±)/g, '&nbsp;')}</span>` : html;
}

function isFigure(cell: string | number | null): boolean {
  return typeof cell !== 'string' || cell === '–' || /^[−-]?\d/.test(cell);
}

const STYLE = `
:root{color-scheme:light dark;--ink:#222;--faint:#666;--line:#dcdcdc;--paper:#fff;--head:#f5f5f5}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e4e4e4;--faint:#a5a5a5;--line:#3c3c3c;--paper:#16181b;--head:#202327}}
body{margin:0 auto;padding:16px;max-width:1340px;color:var(--ink);background:var(--paper);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5em;margin:.2em 0;overflow-wrap:anywhere}h2{font-size:1.15em;margin:1.6em 0 .4em}p{margin:.4em 0;max-width:100ch;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:16px}
figure{margin:0;position:relative}figure svg{display:block;width:100%;height:auto;border:1px solid var(--line);border-radius:4px;box-sizing:border-box}
.narrow{display:none}@media screen and (max-width:600px){.wide{display:none}.narrow{display:block}}
output{position:absolute;display:none;pointer-events:none;background:var(--head);color:var(--ink);border:1px solid var(--line);border-radius:4px;padding:3px 8px;font-size:12px;line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere;z-index:1;max-width:min(90%,44ch);box-sizing:border-box}
.scroll{overflow-x:auto;margin:.8em 0}table{border-collapse:collapse;font-size:14px}td:first-child{min-width:8em}caption{text-align:left;font-weight:600;padding:4px 0}
th,td{border-bottom:1px solid var(--line);padding:4px 12px 4px 4px;text-align:left;vertical-align:top}th{background:var(--head);font-weight:600}
.figure{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th.figure,.spread{white-space:normal}
pre{background:var(--head);border:1px solid var(--line);border-radius:4px;padding:10px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
/* a narrow page has each row as a block of its own: nothing is cut, nothing has to be scrolled */
@media screen and (max-width:600px){body{padding:10px}thead{display:none}table,tbody,tr,td,caption{display:block}tr{border-bottom:2px solid var(--line);padding:6px 0}
td,td.figure{display:flex;justify-content:space-between;gap:12px;border:0;padding:2px 0;text-align:right;white-space:normal;overflow-wrap:anywhere}td::before{content:attr(data-column);color:var(--faint);text-align:left;flex:none;max-width:60%}
td:first-child{font-weight:600}td[data-column=""]::before{content:none}}
@media print{body{max-width:none;padding:0}figure,tr{break-inside:avoid}.scroll{overflow:visible}}
`;

/** Shows the nearest point of a chart under the pointer. */
const SCRIPT = `
for (const figure of document.querySelectorAll('figure')) {
  const data = JSON.parse(figure.querySelector('script').textContent);
  const shown = figure.querySelector('output');
  const kilo = (v) => { let k = 0; while (Math.abs(v) >= 1000 && k < 5) { v /= 1000; k++; } return Number(v.toPrecision(5)) + ' ' + ['B', 'kB', 'MB', 'GB', 'TB', 'PB'][k]; };
  const told = (value, unit) => unit === 'bytes' ? kilo(value) : value;
  const at = (axis, log, value) => axis.from + axis.by * (log ? Math.log10(value) : value);
  figure.querySelectorAll('svg').forEach((svg, k) => {
    const axes = data.axes[k];
    const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    dot.setAttribute('r', 5);
    dot.setAttribute('style', 'fill:none;stroke:var(--chart-ink);stroke-width:2');
    const hide = () => { dot.remove(); shown.style.display = 'none'; };
    const show = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
      let best, least = Infinity;
      for (const { name, points } of data.series) for (const [x, y] of points) {
        const cx = at(axes.x, data.xLog, x), cy = at(axes.y, data.yLog, y);
        const distance = (cx - px) ** 2 + (cy - py) ** 2;
        if (distance < least) { least = distance; best = { name, x, y, cx, cy }; }
      }
      if (!best || least > 60 ** 2) return hide();
      dot.setAttribute('cx', best.cx); dot.setAttribute('cy', best.cy); svg.append(dot);
      shown.textContent = best.name + '\\n' + data.xLabel + ': ' + told(best.x, data.xUnit) + '\\n' + data.yLabel + ': ' + told(best.y, data.yUnit);
      shown.style.display = 'block';
      const left = best.cx / scale, width = shown.offsetWidth;
      shown.style.left = Math.max(0, left + width + 14 > box.width ? left - width - 10 : left + 12) + 'px';
      shown.style.top = Math.max(0, best.cy / scale - shown.offsetHeight - 8) + 'px';
    };
    svg.addEventListener('pointermove', show);
    svg.addEventListener('pointerdown', show);
    svg.addEventListener('pointerleave', hide);
  });
}
`;
