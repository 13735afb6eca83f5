import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { type Transport, transports, type Reply } from '../person'
import { type Replica } from './replica'

/** `EQUALITY_RUNS=200` runs this many random stories; default: at most 8, within 6 s. */
const requestedRuns = Number(process.env.EQUALITY_RUNS ?? 0)
const defaultRuns = 8
const defaultDurationMs = 6_000
/** `EQUALITY_SEED` with the printed seed repeats a failed story. */
const seed = process.env.EQUALITY_SEED

export const storiesTimeoutMs = 40_000 + requestedRuns * 10_000

/** Concurrent actions, and when the replica's connection drops meanwhile. */
interface Scene<D> {
  actions: D[]
  dropsAfterMs: number | null
}

export interface Story<D> {
  scenes: Scene<D>[]
  /** The scene and the delay after which the snapshot is taken. */
  opensIn: number
  opensAfterMs: number
  /** The transport of the snapshot calls. */
  transport: Transport
}

const sceneMs = fc.nat(60)

/** Checks a property for random stories. */
export async function checkStories<D>(
  action: fc.Arbitrary<D>,
  check: (story: Story<D>) => Promise<void>,
): Promise<void> {
  const scene = fc.record({
    actions: fc.array(action, { minLength: 3, maxLength: 8 }),
    dropsAfterMs: fc.option(sceneMs, { freq: 1 }),
  })
  const story = fc.record({
    scenes: fc.array(scene, { minLength: 3, maxLength: 6 }),
    opensIn: fc.nat(1),
    opensAfterMs: sceneMs,
    transport: fc.constantFrom(...transports),
  })
  const overAt = performance.now() + defaultDurationMs
  let runCount = 0
  const property = fc.asyncProperty(story, async one => {
    // A busy machine runs fewer stories.
    if (requestedRuns === 0 && runCount > 0 && performance.now() > overAt) return
    runCount += 1
    await check(one)
  })
  // Do not shrink failures, because concurrent actions are not repeatable.
  await fc.assert(property, {
    ...{ numRuns: requestedRuns > 0 ? requestedRuns : defaultRuns, endOnFailure: true },
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  })
}

/** Runs a story: performs its actions, takes the snapshot during them, and drops the replica's connection where it says. */
export async function runStory<D, M extends Replica<unknown>>(
  { scenes, opensIn, opensAfterMs }: Story<D>,
  performAction: (action: D) => Promise<Reply>,
  open: () => Promise<M>,
): Promise<M> {
  let replica: M | undefined
  for (const [index, { actions, dropsAfterMs }] of scenes.entries()) {
    const opening = index === opensIn ? pause(opensAfterMs).then(open) : undefined
    const dropping = dropsAfterMs === null ? undefined : pause(dropsAfterMs).then(() => replica?.reconnect())
    const replies = await Promise.all(actions.map(performAction))
    // One of two conflicting actions may be refused, and a busy server may ask to retry. Only a 500 is a failure.
    for (const { error } of replies) expect([error?.status, error?.code]).not.toEqual([500, expect.anything()])
    replica = (await opening) ?? replica
    await dropping
  }
  if (replica === undefined) throw new Error('the story has too few scenes')
  return replica
}
