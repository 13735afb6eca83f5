import { type Value } from '../../../kernel/pipeline/schema'
import { joinParty } from '../../../skills/listening-party/join-party'
import { createParty } from '../../../skills/listening-party/create-party'
import { type snapshotView, type timelineView } from '../../../skills/listening-party/views'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { type TestApp } from '../../test-app'

export type Snapshot = Value<typeof snapshotView>
export type Timeline = Value<typeof timelineView>

/** Creates a party with one queued track per duration; the guests join it. Returns the snapshot from before they joined. */
export async function createTestParty(
  host: Person,
  durationsMs: readonly number[] = [180_000],
  guests: readonly Person[] = [],
): Promise<Snapshot> {
  const trackIds: string[] = []
  for (const durationMs of durationsMs) trackIds.push((await makeTrack(host.id, { durationMs })).id)
  const created = await host.call(createParty, { title: 'Tonight', trackIds })
  for (const guest of guests) await guest.call(joinParty, { partyId: created.party.id })
  return created
}

/** The playback position in ms that a client computes: written from the protocol, not from `positionAt` of the server. */
export const playbackPositionAt = ({ posMs, rate, t0Ms, durationMs }: Timeline, now: number): number =>
  Math.min(posMs + rate * Math.max(now - t0Ms, 0), durationMs ?? 0)

/** Makes all jobs due now. Jobs use the clock of the database, which tests cannot advance. */
export async function makeJobsDue({ app }: TestApp): Promise<void> {
  await app.db.query('update graphile_worker._private_jobs set run_at = now() where run_at > now()')
}
