import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, shape } from '../../kernel/pipeline/schema'
import { mayEditTrack, notUnlisted } from './rules'
import { loadSecret } from './verify-secret'
import { secretLinkView, loadVisibleTrack, chosenVisibility } from './views'

export const getSecretLink = operation({
  name: 'tracks.getSecretLink',
  route: 'GET /tracks/:trackId/secret-link',
  summary: 'Get the secret link of an unlisted track',
  description: 'Anybody with the secret can see and play the track until you reset it.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: secretLinkView,
  limit: { perMinute: 60 },
  idempotency: 'read',
  refuses: [notUnlisted],

  load: ({ trackId }, context) => loadVisibleTrack(trackId, context),

  allow: mayEditTrack,

  async run({ subject: track }, context) {
    if (chosenVisibility(track) !== 'unlisted') throw notUnlisted()
    const secret = await loadSecret(track.id, context)
    if (secret === undefined) throw refusals.notFound()
    return { trackId: track.id, secret }
  },
})
