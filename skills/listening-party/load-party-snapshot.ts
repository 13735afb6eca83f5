import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { type Party, PartyMember, Track } from '../../models'
import { filterVisibleTracks, type TrackView, viewTracks } from '../tracks/views'
import { loadProfileSummaries, type ProfileSummary } from '../user-profile/views'
import { type PartyState } from './party'
import { loadQueue } from './party-items'
import { type ViewerParty } from './visible-party'
import { toPartyState } from './to-party-state'
import {
  type MemberView,
  snapshotMembersMax,
  type SnapshotView,
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
    tracks: await loadTracks(state, context),
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
    if (profile === undefined) throw new Error('a party member has no profile')
    return profile
  }
  return { members: rows.map(row => viewMember(party, row, profileOf(row.profileId))), host: profileOf(party.hostId) }
}

/** The tracks of the party that the viewer may see: being queued does not make a track visible. */
async function loadTracks(state: PartyState, { actor }: Pick<Context<Actor>, 'actor'>): Promise<TrackView[]> {
  const items = state.current === null ? state.queue : [state.current, ...state.queue]
  const ids = [...new Set(items.map(({ trackId }) => trackId))]
  if (ids.length === 0) return []
  const visible = await filterVisibleTracks(await Track.findAll({ where: { id: ids } }), { actor })
  const byId = new Map(visible.map(track => [track.id, track]))
  return viewTracks(
    ids.flatMap(id => byId.get(id) ?? []),
    { actor },
  )
}
