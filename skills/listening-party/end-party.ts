import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { partyEnded } from './events'
import { saveRevision } from './save-revision'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

export const endParty = operation({
  name: 'listening-party.endParty',
  route: 'POST /parties/:partyId/end',
  summary: 'End a party',
  description: 'An ended party cannot be reopened.',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: playbackView,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (actor, { role }) => hasPermission('end', role) || isModerator(actor),

  async run({ subject: { party } }, context) {
    const { now, emit } = context
    const wasOpen = party.endedAt === null
    const state = await applyPlaybackAction(party, { kind: 'end' }, context)
    if (wasOpen) await emit(partyEnded, { ...(await saveRevision(party)), endedAt: now.toISOString() })
    return viewPlayback(party, state)
  },
})
