import { plainPng } from '../pictures'
import { freshWorld, type TestWorld } from '../world'
import { openClient, problemOf } from './clients'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld({ nodes: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

const fields = { purpose: 'avatar', fileName: 'me.png', contentType: 'image/png' } as const

it.each([{ transports: ['socket'] as const }, { transports: ['long-poll'] as const }])(
  'announces a picture, sends it and says that it is there, over $transports',
  async ({ transports }) => {
    const ann = await world.person(`ann-${transports[0]}`)
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const heard: number[] = []
    const png = await plainPng()
    const picture = await client.uploadPicture(png, fields, { onProgress: (sent, total) => heard.push(sent / total) })
    expect(picture).toMatchObject({ state: 'uploaded', purpose: 'avatar', sizeBytes: png.length })
    expect(heard.at(-1)).toBe(1)
    await world.work()
    const { avatar } = await client.call('user-profile.getMe', {})
    if (avatar === null) throw new Error('it is shown')
    expect(avatar.id).toBe(picture.id)

    for (const format of ['webp', 'jpg'] as const) {
      const shown = await fetch(client.pictureUrl(avatar, 500, format))
      expect([shown.status, shown.headers.get('content-type')]).toEqual([
        200,
        format === 'jpg' ? 'image/jpeg' : 'image/webp',
      ])
    }
    expect(client.pictureUrl(avatar, 250)).toMatch(/\/250\.webp$/)
    // The call answers where it is; it is not led there.
    const place = await client.call('pictures.locatePicture', { pictureId: avatar.id, file: '250.webp' })
    expect(place.url).toContain(avatar.id)
  },
)

it('gives up what cannot be sent, and throws what is refused', async () => {
  const ben = await world.person('ben')
  using client = openClient({ url: ben.url, token: ben.token })
  const problem = await problemOf(client.uploadPicture(new Blob([]), fields))
  expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'sizeBytes' }] })
  await using lame = await freshWorld({ nodes: 1, variables: { S3_ENDPOINT: 'http://127.0.0.1:9' } })
  const ann = await lame.person('ann')
  const heard = await ann.hear(`user:${ann.id}`)
  using other = openClient({ url: ann.url, token: ann.token })
  expect(await problemOf(other.uploadPicture(await plainPng(), fields))).toMatchObject({ code: 'upload_failed' })
  await heard.first('pictures.pictureChanged', ({ picture }) => (picture as { state: string }).state === 'aborted')
})
