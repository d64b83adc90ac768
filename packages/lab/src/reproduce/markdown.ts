import { cellText, type Table } from '../report/table.js';
import { claimsTable, type FigureResult, panelCharts, panelTable } from './run-figure.js';

/** The figure as a page of a repository: charts by file name, tables, claims, differences. */
export function figureMarkdown({ figure, panels, claims }: FigureResult, command: string, machine: string): string {
  const parts = panels.flatMap((result) => {
    const { panel, skipped } = result;
    if (skipped !== undefined) return [`## ${panel.title}`, `Left out: ${skipped}`];
    const images = panelCharts(result).map(
      ({ xLabel, yLabel }, k) => `![${panel.title}: ${yLabel} against ${xLabel}](${chartFile(panel.id, k)})`,
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

/** File of a panel's chart. */
export function chartFile(panel: string, index: number): string {
  return `${panel}-${index + 1}.svg`;
}

function tableMarkdown({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const head = [line(columns), line(columns.map(() => '---'))];
  return [...(title === '' ? [] : [title, '']), ...head, ...rows.map((row) => line(row.map(cellText)))].join('\n');
}
