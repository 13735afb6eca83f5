import { getMe } from '../../../skills/user-profile/get-me'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const firstCall = async (sub: string, claims: Record<string, unknown>) => {
  const person = await testApp.signIn(sub, { claims: { sub, ...claims } })
  const { handle, displayName } = await person.call(getMe, {})
  return { handle, displayName }
}

describe('a first call', () => {
  it('takes handle and display name from the claims of the token', async () => {
    const claims = { preferred_username: 'ann.smith', name: 'Ann  Smith' }
    expect(await firstCall('auth|1', claims)).toEqual({ handle: 'annsmith', displayName: 'Ann Smith' })
  })

  it('exposes neither the e-mail address nor the subject', async () => {
    const claims = { preferred_username: 'bea@example.org', name: undefined }
    expect(await firstCall('auth|secret', claims)).toEqual({ handle: 'bea', displayName: 'bea' })
    const nameless = await firstCall('auth|hidden', { preferred_username: undefined, name: undefined })
    expect(nameless).toEqual({ handle: 'listener', displayName: 'Listener' })
  })

  it('appends digits to a handle that is taken or reserved', async () => {
    await firstCall('carl|1', { preferred_username: 'carl' })
    expect((await firstCall('carl|2', { preferred_username: 'Carl' })).handle).toMatch(/^Carl\d+$/)
    expect((await firstCall('root', { preferred_username: 'root' })).handle).toMatch(/^root\d+$/)
  })
})
