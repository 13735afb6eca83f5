import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, shape } from '../../kernel/schema'
import { TrackGuest } from '../../models'
import { secretLinkReset } from './events'
import { mayEditTrack, notUnlisted } from './rules'
import { secretLink, visibleTrack, visibilityOf } from './views'

export const resetSecretLink = operation({
  name: 'streaming.resetSecretLink',
  route: 'POST /tracks/:trackId/secret-link/reset',
  summary:
    'Give an unlisted track of yours another secret. The one before opens nothing any more, and whoever came by it may not ' +
    'see the track any more; what they are granted to stream ends by itself.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: secretLink,
  limit: { perMinute: 20 },
  // With a key the answer would be kept, and the secret with it.
  idempotency: 'natural',
  refuses: [notUnlisted],

  // Held: whoever opens the link at this moment is a guest before, and is put out, or finds the new secret.
  load: ({ trackId }, context) => visibleTrack(trackId, context, { lock: true }),

  allow: mayEditTrack,

  async run({ subject: track }, { world, emit }) {
    if (visibilityOf(track) !== 'unlisted') throw notUnlisted()
    const { id: trackId, ownerId } = track
    // The default of the column is random: what is new is never part of a statement.
    const sql = 'update tracks set secret = default where id = :trackId returning secret'
    const [made] = await world.db.query<{ secret: string }>(sql, { trackId })
    if (made === undefined) throw refusals.notFound()
    await TrackGuest.destroy({ where: { trackId } })
    await emit(secretLinkReset, { trackId, ownerId })
    return { trackId, secret: made.secret }
  },
})
