import { type Value } from '../../../kernel/schema'
import { joinParty } from '../../../skills/listening-party/join-party'
import { openParty } from '../../../skills/listening-party/open-party'
import { type snapshotView, type timelineView } from '../../../skills/listening-party/views'
import { makeTrack } from '../../factories'
import { type Person } from '../../people'
import { type TestWorld } from '../../world'

export type Snapshot = Value<typeof snapshotView>
export type Timeline = Value<typeof timelineView>

/** A party of `host` with tracks of so many milliseconds in its queue, and the guests in it. */
export async function aParty(
  host: Person,
  durationsMs: readonly number[] = [180_000],
  guests: readonly Person[] = [],
): Promise<Snapshot> {
  const trackIds: string[] = []
  for (const durationMs of durationsMs) trackIds.push((await makeTrack(host.id, { durationMs })).id)
  const opened = await host.call(openParty, { title: 'Tonight', trackIds })
  for (const guest of guests) await guest.call(joinParty, { partyId: opened.party.id })
  return opened
}

/** Where a member who knows only the timeline says the music is. */
export const heardAt = ({ posMs, rate, t0Ms, durationMs }: Timeline, now: number): number =>
  Math.min(posMs + rate * Math.max(now - t0Ms, 0), durationMs ?? 0)

/** Jobs wait for the database's clock, which no test can move: makes all of them due. */
export async function makeJobsDue({ world }: TestWorld): Promise<void> {
  await world.db.query('update graphile_worker._private_jobs set run_at = now() where run_at > now()')
}
