import { type AnswerOf } from '../../kernel/pipeline/operation'
import { type CommentAttributes } from '../../skills/interactions/views'
import { type getTrack } from '../../skills/tracks/get-track'
import { type ReplicaRules } from './replica'

/** The track without the viewer's fields. */
type Track = Omit<AnswerOf<typeof getTrack>, 'viewer'>
type Counts = Track['counts']
export interface TrackReplica {
  track: Track
  /** Newest first. */
  comments: CommentAttributes[]
}

interface Payload {
  trackId?: string
  track?: Track
  counts?: Counts
  comment?: CommentAttributes
  commentId?: string
}

/** Keeps the newest revision of the track and of its counts, which change independently. Comments come from the track's channel. */
export const trackRules = (trackId: string): ReplicaRules<TrackReplica> => ({
  apply(state, { data }, channel) {
    const { track, counts = track?.counts, comment, commentId, ...payload } = data as Payload
    if ((payload.trackId ?? track?.id) !== trackId) return state
    const newest = withCounts(track === undefined ? state.track : newer(state.track, track), counts)
    if (channel !== `track:${trackId}`) return { ...state, track: newest }
    const others = state.comments.filter(({ id }) => id !== (commentId ?? comment?.id))
    return { track: newest, comments: comment === undefined ? others : inOrder([...others, comment]) }
  },

  applyState: (state, { counts }) => ({ ...state, track: withCounts(state.track, counts as Counts | undefined) }),
})

const newer = (known: Track, payload: Track): Track =>
  payload.rev < known.rev ? known : { ...payload, counts: known.counts }

const withCounts = (track: Track, payload: Counts | undefined): Track =>
  payload === undefined || payload.rev < track.counts.rev ? track : { ...track, counts: payload }

const inOrder = (comments: CommentAttributes[]) =>
  comments.sort((one, other) => (sortKey(one) > sortKey(other) ? -1 : 1))
const sortKey = ({ createdAt, id }: CommentAttributes) => `${createdAt} ${id}`
