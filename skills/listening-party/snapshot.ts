import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { type Party, PartyMember } from '../../models'
import { type TrackView, viewTracks } from '../streaming/views'
import { profileSummaries, type ProfileSummary } from '../user-profile/views'
import { type PartyState } from './party'
import { type Room, waitingIn } from './room'
import { visibleTracks } from './tracks'
import {
  type MemberView,
  membersShownMax,
  type SnapshotView,
  stateOf,
  viewMember,
  viewParty,
  viewQueue,
  viewTimeline,
} from './views'

/** All of a party as the viewer may see it at this moment. */
export async function snapshotOf(
  { party, role }: Room,
  context: Pick<Context<Actor>, 'actor' | 'now'>,
): Promise<SnapshotView> {
  const state = stateOf(party, await waitingIn(party))
  const { members, host } = await peopleIn(party)
  return {
    party: viewParty(party, host, role),
    timeline: viewTimeline(state),
    queue: viewQueue(state),
    members,
    tracks: await tracksFor(context, state),
    serverTimeMs: context.now.getTime(),
  }
}

async function peopleIn(party: Party): Promise<{ members: MemberView[]; host: ProfileSummary }> {
  const rows = await PartyMember.findAll({
    where: { partyId: party.id, bannedAt: null },
    order: ['joinedAt', 'profileId'],
    limit: membersShownMax,
  })
  const people = await profileSummaries([party.hostId, ...rows.map(({ profileId }) => profileId)])
  const personOf = (id: string) => {
    const person = people.get(id)
    if (person === undefined) throw new Error('somebody in a party without a profile')
    return person
  }
  return { members: rows.map(row => viewMember(party, row, personOf(row.profileId))), host: personOf(party.hostId) }
}

/** Of the tracks in the party, those that the viewer may see: a host cannot show others what is not theirs to see. */
async function tracksFor({ actor }: Pick<Context<Actor>, 'actor'>, state: PartyState): Promise<TrackView[]> {
  const pieces = state.current === null ? state.queue : [state.current, ...state.queue]
  const ids = [...new Set(pieces.map(({ trackId }) => trackId))]
  if (ids.length === 0) return []
  const tracks = await visibleTracks(actor, ids)
  return viewTracks(
    ids.flatMap(id => tracks.get(id) ?? []),
    { actor },
  )
}
