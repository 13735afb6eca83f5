import { getMe } from '../../../skills/user-profile/get-me'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const arriving = async (sub: string, claims: Record<string, unknown>) => {
  const person = await testApp.signIn(sub, { claims: { sub, ...claims } })
  const { handle, displayName } = await person.call(getMe, {})
  return { handle, displayName }
}

describe('whoever calls for the first time', () => {
  it('gets a handle and a name like those that the auth server has for them', async () => {
    const claims = { preferred_username: 'ann.smith', name: 'Ann  Smith' }
    expect(await arriving('auth|1', claims)).toEqual({ handle: 'annsmith', displayName: 'Ann Smith' })
  })

  it('shows neither their address of mail nor their subject', async () => {
    const claims = { preferred_username: 'bea@example.org', name: undefined }
    expect(await arriving('auth|secret', claims)).toEqual({ handle: 'bea', displayName: 'bea' })
    const nameless = await arriving('auth|hidden', { preferred_username: undefined, name: undefined })
    expect(nameless).toEqual({ handle: 'listener', displayName: 'Listener' })
  })

  it('gets digits behind a handle that is taken or reserved', async () => {
    await arriving('carl|1', { preferred_username: 'carl' })
    expect((await arriving('carl|2', { preferred_username: 'Carl' })).handle).toMatch(/^Carl\d+$/)
    expect((await arriving('root', { preferred_username: 'root' })).handle).toMatch(/^root\d+$/)
  })
})
