import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { insertOnce } from '../../kernel/rows'
import { id, shape } from '../../kernel/schema'
import { TrackGuest } from '../../models'
import { isRight, secretOf } from './secret'
import { trackSecret, trackView, viewTrack, visibleTrack } from './views'

export const openSecretLink = operation({
  name: 'streaming.openSecretLink',
  route: 'POST /secret-links/open',
  summary: 'Redeem a secret link',
  description:
    'A signed-in caller can see the track everywhere from then on, until the link is reset. Others send the secret ' +
    'with each call, as `secret` or in the header X-Track-Secret.',
  who: 'anyone',
  input: shape({ trackId: id, secret: trackSecret }),
  output: trackView,
  limit: { perMinute: 30 },
  idempotency: 'natural',
  refuses: [refusals.notFound],

  async load({ trackId, secret }, context) {
    const stored = await secretOf(trackId, context, { held: true })
    if (!(await isRight(secret, stored, context))) throw refusals.notFound()
    return visibleTrack(trackId, context, { isGuest: true })
  },

  allow: () => true,

  async run({ subject: track, actor }, context) {
    if (actor !== null && actor.id !== track.ownerId)
      await insertOnce(TrackGuest, { trackId: track.id, profileId: actor.id, createdAt: context.now })
    return viewTrack(track, context)
  },
})
