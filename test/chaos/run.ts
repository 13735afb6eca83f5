import { parseArgs } from 'node:util'
import { type Arena, openArena } from './arena'
import { type Experiment, experiments, redisAway3 } from './experiments'
import { openScene, type SceneWish, type Verdict } from './scene'

const usage = `npm run chaos -- [experiment…] [--seconds n] [--clients n] [--seed n]

Experiments (any part of a name will do):
${[...experiments.map(({ name }) => name), 'control'].map(name => `  ${name}`).join('\n')}
`

/** The long versions: a table of what was seen, and exit code 1 when any promise was broken. */
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
  const wanted = (name: string) =>
    positionals.length === 0 || positionals.some(part => name.includes(part.replaceAll('-', ' ')))
  const chosen = experiments.filter(({ name }) => wanted(name))
  if (values.help || (chosen.length === 0 && !wanted('control'))) {
    process.stdout.write(usage)
    return values.help ? 0 : 1
  }
  const ms = Number(values.seconds) * 1_000
  const crowd: Partial<SceneWish> = {
    clients: Number(values.clients),
    seed: Number(values.seed),
    boards: 40,
    each: 3,
    writesPerSecond: 200,
    settleMs: 60_000,
  }
  process.stdout.write(`seed ${values.seed}, ${values.seconds} s each\n${row(heads)}\n`)
  let broken = 0
  if (chosen.length > 0) {
    await using arena = await openArena('tutti')
    for (const experiment of chosen) broken += (await play(arena, experiment, ms, crowd)) ? 0 : 1
  }
  if (wanted('control')) broken += (await control(crowd)) ? 0 : 1
  return broken === 0 ? 0 : 1
}

async function play(arena: Arena, experiment: Experiment, ms: number, crowd: Partial<SceneWish>): Promise<boolean> {
  const more = experiment.crowd === undefined ? {} : { clients: experiment.crowd }
  await using scene = await openScene(arena, { ...crowd, ...experiment.scene, ...more })
  const verdict = await scene.during(experiment.name, () => experiment.fault(scene, ms))
  const violations = [...verdict.violations, ...(verdict.resets > 0 ? [`${verdict.resets} resets`] : [])]
  tell(verdict, violations)
  return violations.length === 0
}

/** Socket.IO and its Redis adapter alone: a run in which the oracle finds nothing there would prove nothing here. */
async function control(crowd: Partial<SceneWish>): Promise<boolean> {
  await using arena = await openArena('bare')
  await using scene = await openScene(arena, crowd)
  const verdict = await scene.during('control', () => redisAway3.fault(scene, 2_000))
  tell(verdict, verdict.holes > 0 ? [] : ['plain Socket.IO lost nothing: the faults do not reach what they should'])
  return verdict.holes > 0
}

const heads = ['events', 'clients', 'deliveries', 'holes', 'duplicates', 'resets', 'worst catch-up', 'worst write']
const widths = [9, 9, 12, 8, 12, 8, 16, 13]

const row = (cells: readonly string[], name = 'experiment'): string =>
  name.padEnd(24) + cells.map((cell, index) => cell.padStart(widths[index] ?? 10)).join('')

function tell(verdict: Verdict, violations: readonly string[]): void {
  const { events, clients, deliveries, holes, duplicates, resets } = verdict
  const counts = [events, clients, deliveries, holes, duplicates, resets].map(String)
  const seconds = [verdict.worstMs, verdict.worstWriteMs].map(ms => `${(ms / 1_000).toFixed(2)} s`)
  process.stdout.write(`${row([...counts, ...seconds], verdict.experiment)}\n`)
  for (const violation of violations) process.stdout.write(`  ! ${violation}\n`)
}

// The command that started us was killed.
process.on('disconnect', () => process.exit(1))
main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)
