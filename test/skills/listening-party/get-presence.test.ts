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

it.each(transports)('lists over %s who is connected to a party, on all nodes', async transport => {
  await ann.recordEvents(`party:${partyId}`)
  await bob.recordEvents(`party:${partyId}`)
  const before = await ann.call(getPresence, { partyId }, { transport })
  expect({ ...before, members: before.members?.sort() }).toMatchObject({ count: 2, members: [ann.id, bob.id].sort() })
  await (await bob.socket()).emitWithAck('channel.unfollow', { input: { channel: `party:${partyId}` } })
  await waitUntil(async () => (await ann.call(getPresence, { partyId }, { transport })).count === 1)
  const after = await ann.call(getPresence, { partyId }, { transport })
  expect(after.members).toEqual([ann.id])
  expect(after.rev).toBeGreaterThan(before.rev)
})

it.each(transports)('is refused over %s to non-members, and not found for an unknown party', async transport => {
  const carl = await testApp.signIn(`carl-${transport}`)
  expect(await carl.expectProblem(getPresence, { partyId }, { transport })).toMatchObject({
    code: 'forbidden',
    status: 403,
  })
  const none = await ann.expectProblem(getPresence, { partyId: randomUUID() }, { transport })
  expect(none).toMatchObject({ code: 'not_found', status: 404 })
})
