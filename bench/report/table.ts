import { nodeOptions } from '../machine'
import { type Figure, inWords, isMet, judge } from '../judge'

export interface About {
  started: Date
  tookS: number
  machine: string
  isPinned: boolean
}

/** The report as a page: what was measured, on what, and how. */
export function tableOf(figures: readonly Figure[], { started, tookS, machine, isPinned }: About): string {
  const rows = figures.map(figure => `| ${cellsOf(figure).map(escaped).join(' | ')} |`)
  const remarks = figures.filter(figure => figure.remarks.length > 0)
  const { lines } = judge(figures)
  return `# What it costs, next to bare servers

Made by \`npm run bench -- --write\` on ${started.toISOString().slice(0, 10)}, in ${tookS.toFixed(0)} s, on ${machine}.
${isPinned ? pinned : notPinned}

![Each figure as a part of what its goal allows](report.svg)

| figure | name | ours | bare | floor | result, median [min – max] | goal | met? |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

${lines.length === 0 ? 'Every goal is met.' : `Missed:\n\n${lines.map(line => `- ${escaped(line)}`).join('\n')}`}

## How to read it

- All servers run at the same time; what is compared is done in turns, ABCCBA, at least five times, and each
  ratio is of two measurements that were made one right after the other. Absolute values belong to this machine; ratios travel.
- CPU is the CPU time of the server's process. If not everything was delivered, once and in order, the measurement is void
  and made again; a figure that stays void is reported as missed.
- Pairs during which the floor deviated by more than 15 %, or another guest of the machine took more than 2 % of the time,
  are left out.
- _Bare_ is Socket.IO with the Redis adapter and nothing else: no token, no rights, no log, nothing kept. The _floor_ is the \`ws\`
  package in a loop. The clients speak the protocol by hand over \`ws\`.

${remarks.map(({ name, remarks }) => `- \`${name}\`: ${escaped(remarks.join('; '))}.`).join('\n')}
`
}

const pinned = `Servers are pinned to core 0, and run with ${nodeOptions.join(' ')}; PostgreSQL, Redis and the clients share core 1.`
const notPinned =
  'Nothing is pinned to a core (there is no `taskset`, or only one core), so that ratios are less steady.'

function cellsOf(figure: Figure): string[] {
  const { name, title, unit, goal, ours = '', baseline = '', floor = '' } = figure
  const { median, min, max, count } = figure.figure
  const result = Number.isNaN(median)
    ? 'could not be measured'
    : `**${inWords(median, unit)}**${count > 1 ? ` [${inWords(min, '').trim()} – ${inWords(max, '').trim()}]` : ''}`
  const asked = goal === undefined ? '' : `${goal.is} ${goal.value} ${unit}`
  return [
    title,
    `\`${name}\``,
    ours,
    baseline,
    floor,
    result,
    asked,
    goal === undefined ? '' : isMet(figure) ? 'yes' : '**no**',
  ]
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
