import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { type Door, doors, type Reply } from '../people'
import { type Mirror } from './mirror'

/** `EQUALITY_RUNS=200` tells so many stories; else a few, as many as fit into the time. */
const asked = Number(process.env.EQUALITY_RUNS ?? 0)
const few = 8
const fewWithinMs = 6_000
/** A story that failed is told again with `EQUALITY_SEED` and the seed that was printed. */
const seed = process.env.EQUALITY_SEED

export const storiesWithinMs = 40_000 + asked * 10_000

/** What happens at once, and what becomes of the mirror's connection meanwhile. */
interface Scene<D> {
  deeds: D[]
  dropsAfterMs: number | null
}

export interface Story<D> {
  scenes: Scene<D>[]
  /** In which scene the snapshot is taken, and how late. */
  opensIn: number
  opensAfterMs: number
  /** Over which door snapshots are taken. */
  door: Door
}

const sceneMs = fc.nat(60)

/** Holds a property of random stories. */
export async function holdsFor<D>(deed: fc.Arbitrary<D>, holds: (story: Story<D>) => Promise<void>): Promise<void> {
  const scene = fc.record({
    deeds: fc.array(deed, { minLength: 3, maxLength: 8 }),
    dropsAfterMs: fc.option(sceneMs, { freq: 1 }),
  })
  const story = fc.record({
    scenes: fc.array(scene, { minLength: 3, maxLength: 6 }),
    opensIn: fc.nat(1),
    opensAfterMs: sceneMs,
    door: fc.constantFrom(...doors),
  })
  const overAt = performance.now() + fewWithinMs
  let told = 0
  const property = fc.asyncProperty(story, async one => {
    // On a busy machine fewer are told.
    if (asked === 0 && told > 0 && performance.now() > overAt) return
    told += 1
    await holds(one)
  })
  // Not made smaller when it fails: what happens at once does not happen again the same way.
  await fc.assert(property, {
    ...{ numRuns: asked > 0 ? asked : few, endOnFailure: true },
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  })
}

/** Does what the story says, takes the snapshot in the midst of it, and cuts the mirror's connection where it says so. */
export async function tell<D, M extends Mirror<unknown>>(
  { scenes, opensIn, opensAfterMs }: Story<D>,
  does: (deed: D) => Promise<Reply>,
  open: () => Promise<M>,
): Promise<M> {
  let mirror: M | undefined
  for (const [index, { deeds, dropsAfterMs }] of scenes.entries()) {
    const opening = index === opensIn ? pause(opensAfterMs).then(open) : undefined
    const dropping = dropsAfterMs === null ? undefined : pause(dropsAfterMs).then(() => mirror?.comeBack())
    const replies = await Promise.all(deeds.map(does))
    // One of two that contradict each other is refused; on a busy machine one may be told to come again.
    for (const { error } of replies) expect([error?.status, error?.code]).not.toEqual([500, expect.anything()])
    mirror = (await opening) ?? mirror
    await dropping
  }
  if (mirror === undefined) throw new Error('the story has too few scenes')
  return mirror
}
