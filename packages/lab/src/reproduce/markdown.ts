import type { ChartSpec } from '../report/chart.js';
import type { Section } from '../report/page.js';
import { tableMarkdown } from '../report/table.js';
import type { Study, StudyResult } from './figure.js';
import { claimsTable, type FigureResult, panelCharts, panelTable } from './run-figure.js';

/** The figure as a page of a repository: charts by file name, tables, claims, differences. */
export function figureMarkdown({ figure, panels, claims }: FigureResult, command: string, machine: string): string {
  const parts = panels.flatMap((result) => {
    const { panel, skipped } = result;
    if (skipped !== undefined) return [`## ${panel.title}`, `Left out: ${skipped}`];
    const images = panelCharts(result).map(
      ({ xLabel, yLabel }, k) => `![${panel.title}: ${yLabel} against ${xLabel}](${chartFile(panel.id, k)}.svg)`,
    );
    return [`## ${panel.title}`, images.join('\n'), tableMarkdown(panelTable(result))];
  });
  return `${[
    `# ${figure.paper}`,
    figure.summary,
    `    ${command}`,
    `On ${machine}.`,
    ...parts,
    '## Claims of the paper, and references',
    tableMarkdown(claimsTable(claims)),
    ...figure.differences,
  ].join('\n\n')}\n`;
}

/** The study as such a page. */
export function studyMarkdown(
  study: Study,
  { sections, claims }: StudyResult,
  command: string,
  machine: string,
): string {
  const part = ({ title, text = [], charts = [], tables = [], code }: Section) => [
    ...(title === undefined ? [] : [`## ${title}`]),
    ...text,
    ...(code === undefined ? [] : [code.replace(/^/gm, '    ')]),
    ...(charts.length === 0 ? [] : [charts.map(chartImage).join('\n')]),
    ...tables.map(tableMarkdown),
  ];
  return `${[
    `# ${study.paper}`,
    study.summary,
    `    ${command}`,
    `On ${machine}.`,
    ...sections.flatMap(part),
    '## Claims, and references',
    tableMarkdown(claimsTable(claims)),
  ].join('\n\n')}\n`;
}

const chartImage = ({ title, file, xLabel, yLabel }: ChartSpec) =>
  `![${title}: ${yLabel} against ${xLabel}](${file}.svg)`;

/** File of a panel's chart, without an ending. */
export function chartFile(panel: string, index: number): string {
  return `${panel}-${index + 1}`;
}
