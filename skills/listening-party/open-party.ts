import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, line, list, optional, shape, whole } from '../../kernel/schema'
import { Party, PartyItem, PartyMember } from '../../models'
import { waitingPerPersonMax } from './party'
import { trackNotReady } from './refusals'
import { snapshotOf } from './snapshot'
import { toItems } from './tracks'
import { snapshotView } from './views'

const capacityMax = 10_000
const capacityDefault = 500

export const openParty = operation({
  name: 'listening-party.openParty',
  route: 'POST /parties',
  summary: 'Create a listening party',
  description: 'You are its host. `trackIds`, or one `trackId`, are its queue. Playback starts when you call play.',
  who: 'signed-in',
  input: shape({
    title: line(120),
    trackIds: optional(list(id, waitingPerPersonMax)),
    trackId: optional(id),
    capacity: optional(whole(2, capacityMax)),
  }),
  output: snapshotView,
  limit: { perMinute: 20 },
  idempotency: 'keyed',
  status: 201,
  refuses: [trackNotReady],

  load: (input, { actor, now }) => toItems(actor, firstTrackIds(input), now),

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
    const rows = items.map(({ itemId, ...item }, index) => ({ ...item, id: itemId, place: index + 1 }))
    await PartyItem.bulkCreate(rows.map(row => ({ ...row, partyId: party.id, addedAt: now })))
    return snapshotOf({ party, role: 'host' }, context)
  },
})

function firstTrackIds({ trackIds, trackId }: { trackIds?: string[]; trackId?: string }): string[] {
  const given = trackIds ?? (trackId === undefined ? [] : [trackId])
  if (given.length > 0 && (trackIds === undefined || trackId === undefined)) return given
  const error = {
    path: 'trackIds',
    code: 'required',
    message: `send trackIds with 1 to ${waitingPerPersonMax} ids, or one trackId`,
  }
  throw refusals.invalidInput(undefined, { errors: [error] })
}
