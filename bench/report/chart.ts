import { type Figure, formatValue, isMet, shareOfGoal } from '../judge'

const width = 960
const left = 330
const right = 210
const top = 64
const rowHeight = 44
const barHeight = 16
/** End of the axis: a longer bar is cut there. */
const shareMax = 1.5
const titleLineMax = 46

const ink = '#1f2430'
const quiet = '#6b7280'
const good = '#2f7d6b'
const bad = '#c2452d'

/** Draws a bar chart of each figure as a share of its goal, with the measured range. The goal is the line at 100 %. */
export function renderChart(figures: readonly Figure[]): string {
  const judged = figures.filter(({ goal }) => goal !== undefined)
  const height = top + judged.length * rowHeight + 40
  const bottom = top + judged.length * rowHeight
  const ticks = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
  const grid = ticks.map(tick => {
    const x = xOf(tick)
    const line = `<line x1="${x}" y1="${top - 8}" x2="${x}" y2="${bottom}" stroke="${tick === 1 ? ink : '#e5e7eb'}"${tick === 1 ? ' stroke-width="1.5"' : ''}/>`
    return `${line}${textAt(x, bottom + 18, tick === 1 ? 'goal' : `${tick * 100} %`, { anchor: 'middle', fill: tick === 1 ? ink : quiet, size: 11 })}`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">
<title>Each figure as a share of its goal</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${textAt(20, 28, 'Cost as a share of the goal', { size: 16, weight: 600 })}
${textAt(20, 46, 'Shorter is better. Thin lines: range of the measured pairs.', { fill: quiet, size: 12 })}
${grid.join('\n')}
${judged.map((figure, index) => rowOf(figure, top + index * rowHeight)).join('\n')}
</svg>
`
}

function rowOf(figure: Figure, y: number): string {
  const { title, unit, goal, result: spread } = figure
  if (goal === undefined) return ''
  const middle = y + rowHeight / 2
  const lines = wrapped(title)
  const label = lines.map((line, index) =>
    textAt(left - 14, middle + 4 + (index - (lines.length - 1) / 2) * 14, line, { anchor: 'end', size: 12 }),
  )
  const color = isMet(figure) ? good : bad
  const share = shareOfGoal(spread.median, goal)
  const found = Number.isNaN(share) ? 'not measured' : formatValue(spread.median, unit)
  const asked = `${goal.is} ${goal.value}`
  const words = textAt(width - right + 14, middle - 2, found, { size: 12, weight: 600, fill: color })
  const goalWords = textAt(width - right + 14, middle + 13, asked, { size: 11, fill: quiet })
  if (Number.isNaN(share)) return [...label, words, goalWords].join('')
  const bar = `<rect x="${left}" y="${middle - barHeight / 2}" width="${Math.max(xOf(share) - left, 1)}" height="${barHeight}" rx="2" fill="${color}"/>`
  const ends = [spread.min, spread.max].map(value => xOf(shareOfGoal(value, goal)))
  const range =
    spread.count > 1
      ? `<line x1="${Math.min(...ends)}" y1="${middle}" x2="${Math.max(...ends)}" y2="${middle}" stroke="${ink}" stroke-width="1.5"/>`
      : ''
  return [...label, bar, range, words, goalWords].join('')
}

function xOf(share: number): number {
  const within = Math.min(Math.max(share, 0), shareMax)
  return round(left + (within / shareMax) * (width - left - right))
}

interface TextStyle {
  anchor?: 'start' | 'middle' | 'end'
  fill?: string
  size: number
  weight?: number
}

function textAt(
  x: number,
  y: number,
  text: string,
  { anchor = 'start', fill = ink, size, weight = 400 }: TextStyle,
): string {
  const style = `font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}"`
  return `<text x="${round(x)}" y="${round(y)}" ${style}>${escaped(text)}</text>`
}

/** Wraps a title into at most three lines. */
function wrapped(title: string): string[] {
  const lines = ['']
  for (const word of title.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length + 1 > titleLineMax && lines.length < 3) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

const round = (value: number): number => Math.round(value * 10) / 10

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
