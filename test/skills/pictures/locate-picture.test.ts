import { request } from 'node:http'
import sharp from 'sharp'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { locatePicture } from '../../../skills/pictures/locate-picture'
import { addressCacheKey } from '../../../skills/pictures/views'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { pictureFiles } from '../../../skills/pictures/rules'
import { plainPng } from '../../pictures'
import { until } from '../../kernel/until'
import { freshWorld, type TestWorld } from '../../world'
import { addPicture, sendPicture } from './picturing'

const withoutEdge = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }

/** A world of its own, since the models are bound to one at a time. */
let world: TestWorld
let png: Buffer
beforeAll(async () => {
  png = await plainPng()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('the address of a picture', () => {
  it('is one of the bucket, for anybody, and may be kept for less than it is good for', async () => {
    world = await freshWorld({ variables: withoutEdge })
    const ann = await world.person('ann')
    const { id } = await addPicture(world, ann, png)
    for (const file of pictureFiles) {
      const at = `${world.nodes[0]?.url}/api/v1/pictures/${id}/${file}`
      const along = await fetch(at, { redirect: 'manual' })
      expect(along.status).toBe(302)
      expect(along.headers.get('cache-control')).toBe('public, max-age=600')
      expect(along.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
      expect(along.headers.get('vary')).toContain('Accept')
      const there = await fetch(at)
      expect(there.status).toBe(200)
      expect(there.headers.get('content-type')).toBe(file.endsWith('jpg') ? 'image/jpeg' : 'image/webp')
      expect(there.headers.get('cache-control')).toBe('public, max-age=31536000, s-maxage=86400, immutable')
      const shown = await sharp(Buffer.from(await there.arrayBuffer())).metadata()
      expect(shown.width).toBe(Math.min(320, Number(/\d+/.exec(file)?.[0])))
    }
    // The same for everybody, so that browsers keep what is there.
    const input = { pictureId: id, file: '500.webp' } as const
    const headers = { accept: 'application/json' }
    // For two seconds after a change nothing is kept, so that nobody keeps what was read before it.
    await until(async () => {
      await ann.call(locatePicture, input, { headers })
      return Boolean(await world.world.redis.commands.get(`cache:${addressCacheKey(id, input.file)}`))
    })
    const overRest = await ann.call(locatePicture, input, { headers })
    expect(overRest.keepSeconds).toBe(600)
    expect(await ann.call(locatePicture, input, { door: 'socket' })).toEqual(overRest)
    const [, second] = world.nodes
    expect(
      (await fetch(`${second?.url}/api/v1/pictures/${id}/500.webp`, { redirect: 'manual' })).headers.get('location'),
    ).toBe(overRest.url)
    const head = await fetch(`${second?.url}/api/v1/pictures/${id}/500.webp`, { redirect: 'manual', method: 'HEAD' })
    expect(head.status).toBe(302)
  })

  it('is that of the distribution where there is one, and needs no signature', async () => {
    world = await freshWorld()
    const ann = await world.person('ann')
    const { id } = await addPicture(world, ann, png)
    const at = `${world.nodes[0]?.url}/api/v1/pictures/${id}/250.jpg`
    const along = await fetch(at, { redirect: 'manual' })
    expect(along.headers.get('location')).toBe(`${world.world.config.cdn?.origin}/pictures/${id}/250.jpg`)
    expect(along.headers.get('cache-control')).toBe('public, max-age=86400')
    const there = await fetch(at)
    expect(there.status).toBe(200)
    expect(there.headers.get('content-type')).toBe('image/jpeg')
    // And nothing but pictures.
    await world.world.storage.put('audio/x', png, 'audio/mpeg')
    const edge = world.world.config.cdn?.origin ?? ''
    for (const path of ['audio/x', `incoming/${id}`, `pictures/${id}/../../audio/x`, `pictures/%2e%2e/audio/x`])
      expect([path, await rawGet(edge, `/${path}`)]).toEqual([path, 403])
  })

  it('is none of a picture that is not there, not drawn yet or removed', async () => {
    world = await freshWorld()
    const ann = await world.person('ann')
    const { pictureId } = await sendPicture(ann, png)
    const input = { pictureId, file: '500.webp' } as const
    expect(await ann.refused(locatePicture, input)).toMatchObject({ code: 'not_found', status: 404 })
    await ann.call(finalizePicture, { pictureId })
    await world.work()
    await ann.call(locatePicture, input, { door: 'socket' })
    await ann.call(removeAvatar, {})
    expect(await ann.refused(locatePicture, input)).toMatchObject({ code: 'not_found' })
    expect(await ann.refused(locatePicture, { ...input, file: '501.webp' })).toMatchObject({ code: 'invalid_input' })
    const response = await rawGet(world.nodes[0]?.url ?? '', `/api/v1/pictures/${pictureId}/..%2f..%2fincoming`)
    expect(response).toBe(400)
  })
})

/** Without the tidying that `fetch` does. */
const rawGet = (origin: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    request({ hostname, port, path }, response => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
