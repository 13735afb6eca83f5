import { type Value } from '../../kernel/pipeline/schema'
import { type snapshotView } from '../../skills/listening-party/views'
import { getTrack } from '../../skills/tracks/get-track'
import { type Person } from '../person'
import { type ReplicaRules } from './replica'

type Snapshot = Value<typeof snapshotView>
type Member = Snapshot['members'][number]
type Track = Snapshot['tracks'][number]
export type PartyReplica = Omit<Snapshot, 'serverTimeMs'>

/** Revisions are consecutive, and every event carries the whole new value. */
export const partyRules = (viewerId: string): ReplicaRules<PartyReplica> => ({
  apply(state, { name, data }) {
    const payload = data as Partial<PartyReplica & Snapshot['party']> & {
      rev: number
      profileId?: string
      member?: Member
    }
    const { rev, memberCount = state.party.memberCount, endedAt = state.party.endedAt, profileId, member } = payload
    if (rev <= state.party.rev) return state
    if (rev !== state.party.rev + 1) throw new Error(`revision ${rev} came after ${state.party.rev}`)
    const { timeline = state.timeline, queue = state.queue } = payload
    const after = { ...state, timeline, queue, party: { ...state.party, rev, memberCount, endedAt } }
    if (name === 'listening-party.memberLeft') return { ...after, members: without(state.members, profileId) }
    return member === undefined ? after : withMember(after, member, viewerId)
  },
})

const without = (members: readonly Member[], id: string | undefined) =>
  members.filter(({ profile }) => profile.id !== id)

function withMember(state: PartyReplica, member: Member, viewerId: string): PartyReplica {
  const { party, members } = state
  const host = member.role === 'host' ? member.profile : party.host
  const viewer = member.profile.id === viewerId ? { role: member.role } : party.viewer
  return {
    ...state,
    party: { ...party, host, viewer },
    members: inOrder([...without(members, member.profile.id), member]),
  }
}

const inOrder = (members: Member[]) => members.sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1))
const sortKey = ({ joinedAt, profile }: Member) => `${joinedAt} ${profile.id}`

/** The displayed party: fetches tracks that are not known yet. */
export async function displayedParty(copy: PartyReplica, viewer: Person): Promise<PartyReplica> {
  const { timeline, queue } = copy
  const ids = new Set([timeline.trackId, ...queue.map(({ trackId }) => trackId)].filter(id => id !== null))
  const known = new Map(copy.tracks.map(track => [track.id, track]))
  const fetching = [...ids].map(async id => {
    const { data } = known.has(id) ? { data: known.get(id) } : await viewer.request(getTrack, { trackId: id })
    return (data ?? []) as Track | []
  })
  return { ...copy, tracks: (await Promise.all(fetching)).flat() }
}
