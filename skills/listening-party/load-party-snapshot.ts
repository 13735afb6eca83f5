import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { type Party, PartyMember } from '../../models'
import { type TrackView, viewTracks } from '../tracks/views'
import { loadProfileSummaries, type ProfileSummary } from '../user-profile/views'
import { type PartyState } from './party'
import { type ViewerParty, loadQueue } from './visible-party'
import { loadVisibleTracks } from './queue-entries'
import {
  type MemberView,
  snapshotMembersMax,
  type SnapshotView,
  toPartyState,
  viewMember,
  viewParty,
  viewQueue,
  viewTimeline,
} from './views'

/** A snapshot of a party for the viewer. */
export async function loadPartySnapshot(
  { party, role }: ViewerParty,
  context: Pick<Context<Actor>, 'actor' | 'now'>,
): Promise<SnapshotView> {
  const state = toPartyState(party, await loadQueue(party))
  const { members, host } = await loadMembers(party)
  return {
    party: viewParty(party, host, role),
    timeline: viewTimeline(state),
    queue: viewQueue(state),
    members,
    tracks: await tracksFor(context, state),
    serverTimeMs: context.now.getTime(),
  }
}

async function loadMembers(party: Party): Promise<{ members: MemberView[]; host: ProfileSummary }> {
  const rows = await PartyMember.findAll({
    where: { partyId: party.id, bannedAt: null },
    order: ['joinedAt', 'profileId'],
    limit: snapshotMembersMax,
  })
  const profiles = await loadProfileSummaries([party.hostId, ...rows.map(({ profileId }) => profileId)])
  const profileOf = (id: string) => {
    const profile = profiles.get(id)
    if (profile === undefined) throw new Error('a party member without a profile')
    return profile
  }
  return { members: rows.map(row => viewMember(party, row, profileOf(row.profileId))), host: profileOf(party.hostId) }
}

/** The tracks of the party that the viewer may see: being queued does not make a track visible. */
async function tracksFor({ actor }: Pick<Context<Actor>, 'actor'>, state: PartyState): Promise<TrackView[]> {
  const items = state.current === null ? state.queue : [state.current, ...state.queue]
  const ids = [...new Set(items.map(({ trackId }) => trackId))]
  if (ids.length === 0) return []
  const tracks = await loadVisibleTracks(actor, ids)
  return viewTracks(
    ids.flatMap(id => tracks.get(id) ?? []),
    { actor },
  )
}
