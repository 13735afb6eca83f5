import { randomUUID } from 'node:crypto'
import { getPresence } from '../../../skills/listening-party/get-presence'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { createTestParty } from './create-test-party'

let testApp: TestApp
let ann: Person
let bob: Person
let partyId: string
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  partyId = (await createTestParty(ann, [180_000], [bob])).party.id
})
afterAll(() => testApp[Symbol.asyncDispose]())

it.each(transports)('says over %s who follows a party at the moment, on all nodes', async transport => {
  await ann.recordEvents(`party:${partyId}`)
  await bob.recordEvents(`party:${partyId}`)
  const there = await ann.call(getPresence, { partyId }, { transport })
  expect({ ...there, members: there.members?.sort() }).toMatchObject({ count: 2, members: [ann.id, bob.id].sort() })
  await (await bob.socket()).emitWithAck('channel.unfollow', { input: { channel: `party:${partyId}` } })
  await waitUntil(async () => (await ann.call(getPresence, { partyId }, { transport })).count === 1)
  const left = await ann.call(getPresence, { partyId }, { transport })
  expect(left.members).toEqual([ann.id])
  expect(left.rev).toBeGreaterThan(there.rev)
})

it.each(transports)(
  'is refused over %s to who is not in the party, and there is none where there is no party',
  async transport => {
    const carl = await testApp.signIn(`carl-${transport}`)
    expect(await carl.expectProblem(getPresence, { partyId }, { transport })).toMatchObject({
      code: 'forbidden',
      status: 403,
    })
    const none = await ann.expectProblem(getPresence, { partyId: randomUUID() }, { transport })
    expect(none).toMatchObject({ code: 'not_found', status: 404 })
  },
)
