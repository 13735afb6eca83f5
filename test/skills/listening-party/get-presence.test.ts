import { randomUUID } from 'node:crypto'
import { getPresence } from '../../../skills/listening-party/get-presence'
import { until } from '../../kernel/until'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { aParty } from './a-party'

let world: TestWorld
let ann: Person
let bob: Person
let partyId: string
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  bob = await world.person('bob')
  partyId = (await aParty(ann, [180_000], [bob])).party.id
})
afterAll(() => world[Symbol.asyncDispose]())

it.each(doors)('says over %s who follows a party at the moment, on all nodes', async door => {
  await ann.hear(`party:${partyId}`)
  await bob.hear(`party:${partyId}`)
  const there = await ann.call(getPresence, { partyId }, { door })
  expect({ ...there, members: there.members?.sort() }).toMatchObject({ count: 2, members: [ann.id, bob.id].sort() })
  await (await bob.socket()).emitWithAck('channel.unfollow', { input: { channel: `party:${partyId}` } })
  await until(async () => (await ann.call(getPresence, { partyId }, { door })).count === 1)
  const left = await ann.call(getPresence, { partyId }, { door })
  expect(left.members).toEqual([ann.id])
  expect(left.rev).toBeGreaterThan(there.rev)
})

it.each(doors)(
  'is refused over %s to who is not in the party, and there is none where there is no party',
  async door => {
    const carl = await world.person(`carl-${door}`)
    expect(await carl.refused(getPresence, { partyId }, { door })).toMatchObject({ code: 'forbidden', status: 403 })
    const none = await ann.refused(getPresence, { partyId: randomUUID() }, { door })
    expect(none).toMatchObject({ code: 'not_found', status: 404 })
  },
)
