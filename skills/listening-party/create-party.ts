import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField } from '../../kernel/pipeline/refusals'
import { id, line, list, optional, shape, integer } from '../../kernel/pipeline/schema'
import { Party, PartyItem, PartyMember } from '../../models'
import { queueLengthPerMemberMax } from './party'
import { trackNotReady } from '../tracks/rules'
import { loadPartySnapshot } from './load-party-snapshot'
import { toQueueEntries } from './queue-entries'
import { snapshotView } from './views'

const capacityMax = 10_000
const capacityDefault = 500

export const createParty = operation({
  name: 'listening-party.createParty',
  route: 'POST /parties',
  summary: 'Create a listening party',
  description: 'You are its host. `trackIds`, or one `trackId`, are its queue. Playback starts when you call play.',
  auth: 'signed-in',
  input: shape({
    title: line(120),
    trackIds: optional(list(id, queueLengthPerMemberMax)),
    trackId: optional(id),
    capacity: optional(integer(2, capacityMax)),
  }),
  output: snapshotView,
  limit: { perMinute: 20 },
  idempotency: 'keyed',
  status: 201,
  refuses: [trackNotReady],

  load: (input, { actor, now }) => toQueueEntries(actor, firstTrackIds(input), now),

  allow: () => true,

  async run({ input, subject: items, actor }, context) {
    const { now } = context
    const party = await Party.create({
      id: newId(now),
      hostId: actor.id,
      title: input.title,
      capacity: input.capacity ?? capacityDefault,
      memberCount: 1,
      t0Ms: now.getTime(),
      createdAt: now,
    })
    await PartyMember.create({ partyId: party.id, profileId: actor.id, role: 'co-host', joinedAt: now })
    const rows = items.map(({ itemId, ...item }, index) => ({ ...item, id: itemId, queuePosition: index + 1 }))
    await PartyItem.bulkCreate(rows.map(row => ({ ...row, partyId: party.id, addedAt: now })))
    return loadPartySnapshot({ party, role: 'host' }, context)
  },
})

function firstTrackIds({ trackIds, trackId }: { trackIds?: string[]; trackId?: string }): string[] {
  const given = trackIds ?? (trackId === undefined ? [] : [trackId])
  if (given.length > 0 && (trackIds === undefined || trackId === undefined)) return given
  throw invalidField('trackIds', 'required', `send trackIds with 1 to ${queueLengthPerMemberMax} ids, or one trackId`)
}
