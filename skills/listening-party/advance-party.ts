import { job } from '../../kernel/events/job'
import { Party } from '../../models'
import { advancePartySpec, applyPlaybackAction } from './apply-playback-action'

/** Advances the party at the end of a track. A repeated or outdated job changes nothing: it names the item and the revision. */
export const advanceParty = job({
  ...advancePartySpec,

  run: ({ partyId, itemId, rev }, { transact }) =>
    transact(async context => {
      const party = await Party.findByPk(partyId, { lock: true })
      if (party !== null) await applyPlaybackAction(party, { kind: 'advance', itemId, rev }, context)
    }),
})
