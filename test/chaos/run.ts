import { parseArgs } from 'node:util'
import { type Cluster, startCluster } from './cluster'
import { type Experiment, experiments, redisDown3 } from './experiments'
import { startScenario, type ScenarioOptions, type Verdict } from './scenario'

const usage = `npm run chaos -- [experiment…] [--seconds n] [--clients n] [--seed n]

Experiments (a part of the name is enough):
${[...experiments.map(({ name }) => name), 'control'].map(name => `  ${name}`).join('\n')}
`

/** `npm run chaos`: runs the long versions and prints a table; exits with 1 if any delivery guarantee was violated. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '30' },
      clients: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      help: { type: 'boolean', default: false },
    },
  })
  const isSelected = (name: string) =>
    positionals.length === 0 || positionals.some(part => name.includes(part.replaceAll('-', ' ')))
  const selected = experiments.filter(({ name }) => isSelected(name))
  if (values.help || (selected.length === 0 && !isSelected('control'))) {
    process.stdout.write(usage)
    return values.help ? 0 : 1
  }
  const ms = Number(values.seconds) * 1_000
  const defaults: Partial<ScenarioOptions> = {
    clients: Number(values.clients),
    seed: Number(values.seed),
    boards: 40,
    boardsPerClient: 3,
    writesPerSecond: 200,
    catchUpTimeoutMs: 60_000,
  }
  process.stdout.write(`seed ${values.seed}, ${values.seconds} s each\n${row(columns)}\n`)
  let failureCount = 0
  if (selected.length > 0) {
    await using scenario = await startCluster('tutti')
    for (const experiment of selected) failureCount += (await runExperiment(scenario, experiment, ms, defaults)) ? 0 : 1
  }
  if (isSelected('control')) failureCount += (await control(defaults)) ? 0 : 1
  return failureCount === 0 ? 0 : 1
}

async function runExperiment(
  scenario: Cluster,
  experiment: Experiment,
  ms: number,
  defaults: Partial<ScenarioOptions>,
): Promise<boolean> {
  const more = experiment.clientCount === undefined ? {} : { clients: experiment.clientCount }
  await using scene = await startScenario(scenario, { ...defaults, ...experiment.scene, ...more })
  const verdict = await scene.runExperiment(experiment.name, () => experiment.inject(scene, ms))
  const violations = [...verdict.violations, ...(verdict.resets > 0 ? [`${verdict.resets} resets`] : [])]
  printVerdict(verdict, violations)
  return violations.length === 0
}

/** Runs Socket.IO with its Redis adapter alone: the oracle must find losses there, else the experiments prove nothing. */
async function control(defaults: Partial<ScenarioOptions>): Promise<boolean> {
  await using scenario = await startCluster('bare')
  await using scene = await startScenario(scenario, defaults)
  const verdict = await scene.runExperiment('control', () => redisDown3.inject(scene, 2_000))
  printVerdict(verdict, verdict.holes > 0 ? [] : ['plain Socket.IO lost nothing, so the faults have no effect'])
  return verdict.holes > 0
}

const columns = ['events', 'clients', 'deliveries', 'holes', 'duplicates', 'resets', 'worst catch-up', 'worst write']
const widths = [9, 9, 12, 8, 12, 8, 16, 13]

const row = (cells: readonly string[], name = 'experiment'): string =>
  name.padEnd(24) + cells.map((cell, index) => cell.padStart(widths[index] ?? 10)).join('')

function printVerdict(verdict: Verdict, violations: readonly string[]): void {
  const { events, clients, deliveries, holes, duplicates, resets } = verdict
  const counts = [events, clients, deliveries, holes, duplicates, resets].map(String)
  const seconds = [verdict.worstMs, verdict.worstWriteMs].map(ms => `${(ms / 1_000).toFixed(2)} s`)
  process.stdout.write(`${row([...counts, ...seconds], verdict.experiment)}\n`)
  for (const violation of violations) process.stdout.write(`  ! ${violation}\n`)
}

// The IPC channel closes when the command that started this process is killed.
process.on('disconnect', () => process.exit(1))
main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)
