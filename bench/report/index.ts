import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { type Figure } from '../judge'
import { renderChart } from './chart'
import { type RunInfo, renderReport } from './table'

/** Writes `report.md` and `report.svg` from the figures. */
export async function writeReport(folder: string, figures: readonly Figure[], about: RunInfo): Promise<void> {
  const page = join(folder, 'report.md')
  // Format with prettier, as `npm run check` requires.
  await writeFile(page, await format(renderReport(figures, about), { ...(await resolveConfig(page)), filepath: page }))
  await writeFile(join(folder, 'report.svg'), renderChart(figures))
}
