import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField } from '../../kernel/pipeline/refusals'
import { id, line, list, optional, shape, integer } from '../../kernel/pipeline/schema'
import { Party, PartyItem, PartyMember } from '../../models'
import { queueLengthPerMemberMax } from './party'
import { trackNotReady } from '../tracks/rules'
import { loadPartySnapshot } from './load-party-snapshot'
import { toQueuedItems } from './queued-items'
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

  load: (input, { actor, now }) => toQueuedItems(actor, initialTrackIds(input), now),

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
    // The stored role applies once somebody else is the host (`roleOf`).
    await PartyMember.create({ partyId: party.id, profileId: actor.id, role: 'co-host', joinedAt: now })
    const rows = items.map(({ itemId, ...item }, index) => ({ ...item, id: itemId, queuePosition: index + 1 }))
    await PartyItem.bulkCreate(rows.map(row => ({ ...row, partyId: party.id, addedAt: now })))
    return loadPartySnapshot({ party, role: 'host' }, context)
  },
})

/** The tracks of the initial queue: exactly one of the two fields is required. */
function initialTrackIds({ trackIds, trackId }: { trackIds?: string[]; trackId?: string }): string[] {
  const ids = trackIds ?? (trackId === undefined ? [] : [trackId])
  if (ids.length > 0 && (trackIds === undefined || trackId === undefined)) return ids
  throw invalidField('trackIds', 'required', `send trackIds with 1 to ${queueLengthPerMemberMax} ids, or one trackId`)
}
