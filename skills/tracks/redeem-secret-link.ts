import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { insertIfAbsent } from '../../kernel/platform/insert-if-absent'
import { id, shape } from '../../kernel/pipeline/schema'
import { TrackLinkHolder } from '../../models'
import { verifySecret, loadSecret } from './verify-secret'
import { trackSecret, trackView, viewTrack, loadVisibleTrack } from './views'

export const redeemSecretLink = operation({
  name: 'tracks.redeemSecretLink',
  route: 'POST /secret-links/redeem',
  summary: 'Redeem a secret link',
  description:
    'A signed-in caller can see the track everywhere from then on, until the link is reset. Others send the secret ' +
    'with each call, as `secret` or in the header X-Track-Secret.',
  auth: 'public',
  input: shape({ trackId: id, secret: trackSecret }),
  output: trackView,
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [refusals.notFound],

  async load({ trackId, secret }, context) {
    const stored = await loadSecret(trackId, context, { lock: true })
    if (!(await verifySecret(secret, stored, context))) throw refusals.notFound()
    return loadVisibleTrack(trackId, context, { isLinkHolder: true })
  },

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if (actor !== null && actor.id !== track.ownerId)
      await insertIfAbsent(TrackLinkHolder, { trackId: track.id, profileId: actor.id, createdAt: context.now })
    return viewTrack(track, context)
  },
})
