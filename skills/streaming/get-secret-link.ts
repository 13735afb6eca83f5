import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, shape } from '../../kernel/schema'
import { mayEditTrack, notUnlisted } from './rules'
import { secretOf } from './secret'
import { secretLink, visibleTrack, visibilityOf } from './views'

export const getSecretLink = operation({
  name: 'streaming.getSecretLink',
  route: 'GET /tracks/:trackId/secret-link',
  summary: 'Get the secret link of an unlisted track',
  description: 'Anybody with the secret can see and play the track until you reset it.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: secretLink,
  limit: { perMinute: 60 },
  idempotency: 'read',
  refuses: [notUnlisted],

  load: ({ trackId }, context) => visibleTrack(trackId, context),

  allow: mayEditTrack,

  async run({ subject: track }, context) {
    if (visibilityOf(track) !== 'unlisted') throw notUnlisted()
    const secret = await secretOf(track.id, context)
    if (secret === undefined) throw refusals.notFound()
    return { trackId: track.id, secret }
  },
})
