import { type AnswerOf } from '../../kernel/operation'
import { type CommentFacts } from '../../skills/interactions/views'
import { type getTrack } from '../../skills/streaming/get-track'
import { type Rules } from './mirror'

/** As everybody sees it. */
type Track = Omit<AnswerOf<typeof getTrack>, 'viewer'>
type Counts = Track['counts']
export interface TrackCopy {
  track: Track
  /** The latest first. */
  comments: CommentFacts[]
}

interface Told {
  trackId?: string
  track?: Track
  counts?: Counts
  comment?: CommentFacts
  commentId?: string
}

/** Of a track and its counts, which change by themselves, the newest; comments as its own channel tells of them, in order. */
export const trackRules = (trackId: string): Rules<TrackCopy> => ({
  apply(state, { data }, channel) {
    const { track, counts = track?.counts, comment, commentId, ...told } = data as Told
    if ((told.trackId ?? track?.id) !== trackId) return state
    const newest = withCounts(track === undefined ? state.track : newer(state.track, track), counts)
    if (channel !== `track:${trackId}`) return { ...state, track: newest }
    const others = state.comments.filter(({ id }) => id !== (commentId ?? comment?.id))
    return { track: newest, comments: comment === undefined ? others : inOrder([...others, comment]) }
  },

  keep: (state, { counts }) => ({ ...state, track: withCounts(state.track, counts as Counts | undefined) }),
})

const newer = (known: Track, told: Track): Track => (told.rev < known.rev ? known : { ...told, counts: known.counts })

const withCounts = (track: Track, told: Counts | undefined): Track =>
  told === undefined || told.rev < track.counts.rev ? track : { ...track, counts: told }

const inOrder = (comments: CommentFacts[]) => comments.sort((one, other) => (placeOf(one) > placeOf(other) ? -1 : 1))
const placeOf = ({ createdAt, id }: CommentFacts) => `${createdAt} ${id}`
