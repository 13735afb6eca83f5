import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, shape } from '../../kernel/pipeline/schema'
import { TrackLinkHolder } from '../../models'
import { secretLinkReset } from './events'
import { mayEditTrack, notUnlisted } from './rules'
import { secretLinkView, loadVisibleTrack, chosenVisibility } from './views'

export const resetSecretLink = operation({
  name: 'tracks.resetSecretLink',
  route: 'POST /tracks/:trackId/secret-link/reset',
  summary: 'Reset the secret link of a track',
  description:
    'The previous secret becomes void, and people who used it can no longer see the track. Streams they were ' +
    'granted end by themselves.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: secretLinkView,
  limit: { perMinute: 20 },
  // Not keyed: the stored answer would hold the secret.
  idempotency: 'natural',
  refuses: [notUnlisted],

  // Locked: a concurrent redeem commits before, and its access is revoked here, or it finds the new secret.
  load: ({ trackId }, context) => loadVisibleTrack(trackId, context, { lock: true }),

  allow: mayEditTrack,

  async run({ subject: track }, { app, emit }) {
    if (chosenVisibility(track) !== 'unlisted') throw notUnlisted()
    const { id: trackId, ownerId } = track
    // The column default generates it at random: the new secret never appears in a statement.
    const sql = 'update tracks set secret = default where id = :trackId returning secret'
    const [row] = await app.db.query<{ secret: string }>(sql, { trackId })
    if (row === undefined) throw refusals.notFound()
    await TrackLinkHolder.destroy({ where: { trackId } })
    await emit(secretLinkReset, { trackId, ownerId })
    return { trackId, secret: row.secret }
  },
})
