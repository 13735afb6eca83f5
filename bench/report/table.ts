import { nodeOptions } from '../machine'
import { type Figure, formatValue, isMet, judge } from '../judge'

export interface RunInfo {
  started: Date
  tookS: number
  machine: string
  isPinned: boolean
}

/** Renders the report page: figures, machine and method. */
export function renderReport(figures: readonly Figure[], { started, tookS, machine, isPinned }: RunInfo): string {
  const rows = figures.map(figure => `| ${cellsOf(figure).map(escaped).join(' | ')} |`)
  const remarks = figures.filter(figure => figure.remarks.length > 0)
  const { lines } = judge(figures)
  return `# Cost compared with bare servers

Made by \`npm run bench -- --write\` on ${started.toISOString().slice(0, 10)}, in ${tookS.toFixed(0)} s, on ${machine}.
${isPinned ? pinned : notPinned}

![Each figure as a share of its goal](report.svg)

| figure | name | ours | bare | floor | result, median [min – max] | goal | met? |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

${lines.length === 0 ? 'Every goal is met.' : `Missed:\n\n${lines.map(line => `- ${escaped(line)}`).join('\n')}`}

## How to read it

- All servers run at the same time. The compared work alternates in the order ABCCBA, at least five times, and each ratio is of
  two consecutive measurements. Absolute values hold for this machine only; ratios can be compared between machines.
- CPU is the CPU time of the server process. When an event was lost, duplicated or out of order, the measurement is invalid and
  repeated; a figure without a valid measurement counts as missed.
- Pairs are excluded when the floor deviated by more than 15 %, or when other guests of the machine took more than 2 % of the
  time (CPU steal).
- _Bare_ is Socket.IO with the Redis adapter and nothing else: no tokens, no access checks, no log, no storage. The _floor_ is the
  \`ws\` package in a loop. A usual Socket.IO server is between the two: it verifies the token with jose and queries PostgreSQL once
  per room; \`connect-and-resume\` is compared with such a server, too. The clients are a minimal implementation of the protocol
  over \`ws\`.

${remarks.map(({ name, remarks }) => `- \`${name}\`: ${escaped(remarks.join('; '))}.`).join('\n')}
`
}

const pinned = `Servers run on core 0 with ${nodeOptions.join(' ')}; PostgreSQL, Redis and the clients share core 1.`
const notPinned = 'Nothing is pinned to a core (no `taskset`, or only one core), so ratios vary more.'

function cellsOf(figure: Figure): string[] {
  const { name, title, unit, goal, ours = '', baseline = '', floor = '' } = figure
  const { median, min, max, count } = figure.result
  const result = Number.isNaN(median)
    ? 'could not be measured'
    : `**${formatValue(median, unit)}**${count > 1 ? ` [${formatValue(min, '').trim()} – ${formatValue(max, '').trim()}]` : ''}`
  const goalText = goal === undefined ? '' : `${goal.is} ${goal.value} ${unit}`
  return [
    title,
    `\`${name}\``,
    ours,
    baseline,
    floor,
    result,
    goalText,
    goal === undefined ? '' : isMet(figure) ? 'yes' : '**no**',
  ]
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
