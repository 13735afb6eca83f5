import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Figure, formatValue, isMet, judge } from './judge'
import { type TestBench, openTestBench } from './test-bench'
import { describeMachine } from './machine'
import { writeReport } from './report'
import { scenarios } from './scenarios'
import { type MeasuredFigure, type Scenario } from './scenarios/scenario'

const usage = `npm run bench -- [--only <${scenarios.map(({ name }) => name).join('|')}>] [--check] [--write] [--profile <folder>]`

/** Measures ratios to bare servers in the same run, and prints the missed goals. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      check: { type: 'boolean' },
      write: { type: 'boolean' },
      profile: { type: 'string' },
    },
  })
  const chosen = scenarios.filter(({ name }) => values.only?.includes(name) ?? true)
  if (chosen.length < (values.only?.length ?? 1)) throw new Error(`Usage: ${usage}`)
  if (values.write === true && values.only !== undefined) throw new Error('--write needs all scenarios: omit --only.')
  const started = new Date()
  const figures: Figure[] = []
  await using lab = await openTestBench(values.profile)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interrupted.abort()
      // The running measurement fails, and the usual clean-up follows.
      void lab.stopServers()
    })
  print(`${describeMachine()}. ${lab.isPinned ? 'Servers on core 0, everything else on core 1.' : notPinned}`)
  for (const scenario of chosen) {
    const found = await measured(scenario, lab)
    if (interrupted.signal.aborted) return 130
    figures.push(...found)
    for (const result of found) print(lineOf(result))
  }
  const tookS = (Date.now() - started.getTime()) / 1_000
  print(`Took ${tookS.toFixed(0)} s.`)
  if (values.write === true) {
    const about = { started, tookS, machine: describeMachine(), isPinned: lab.isPinned }
    await writeReport(resolve(join(__dirname, '..', '..', 'bench')), figures, about)
  }
  const { exitCode, lines } = judge(figures)
  for (const line of lines) print(`MISSED ${line}`)
  return values.check === true ? exitCode : 0
}

const notPinned = 'Not pinned to cores: taskset is missing, or there is only one core.'

/** Measures a scenario. If it fails, its figures miss their goals, with the error as a remark. */
async function measured(scenario: Scenario, lab: TestBench): Promise<Figure[]> {
  let found: readonly MeasuredFigure[] = []
  let reason = 'the scenario did not measure it'
  try {
    found = await lab.rejectOnServerCrash(() => scenario.measure(lab))
  } catch (error) {
    reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
    process.stderr.write(`${scenario.name}: ${error instanceof Error ? (error.stack ?? reason) : reason}\n`)
    await lab.stopServers()
  }
  const unmeasured = {
    result: { median: NaN, min: NaN, max: NaN, count: 0 },
    remarks: [`could not be measured: ${reason}`],
  }
  return scenario.figures.map(promised => ({
    ...promised,
    ...(found.find(({ name }) => name === promised.name) ?? unmeasured),
  }))
}

function lineOf(figure: Figure): string {
  const { name, unit, goal, ours = '', baseline, floor, remarks } = figure
  const { median, min, max, count } = figure.result
  const comparison = `${baseline === undefined ? '' : ` : ${baseline}`}${floor === undefined ? '' : ` (floor ${floor})`}`
  const goalText = goal === undefined ? '' : `, ${goal.is} ${goal.value}: ${isMet(figure) ? 'met' : 'MISSED'}`
  const spread = count > 1 ? ` [${formatValue(min, '').trim()} – ${formatValue(max, '').trim()}] of ${count}` : ''
  const more = remarks.map(remark => `\n    ${remark}`).join('')
  return `${name.padEnd(26)}${formatValue(median, unit)}${spread}${goalText}\n    ${ours}${comparison}${more}`
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)
