import { request } from 'node:http'
import sharp from 'sharp'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPictureFile } from '../../../skills/pictures/get-picture-file'
import { fileUrlCacheKey } from '../../../skills/pictures/views'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { plainPng } from '../../make-pictures'
import { waitUntil } from '../../kernel/wait-until'
import { createTestApp, type TestApp } from '../../test-app'
import { addPicture, sendPicture } from './add-picture'

const withoutEdge = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }

/** Each test creates its own app, because the models are bound to one at a time. */
let testApp: TestApp
let png: Buffer
beforeAll(async () => {
  png = await plainPng()
})
afterEach(() => testApp[Symbol.asyncDispose]())

describe('the URL of a picture file', () => {
  it('is presigned by the bucket, for any caller, and cacheable for less than its validity', async () => {
    testApp = await createTestApp({ variables: withoutEdge })
    const ann = await testApp.signIn('ann')
    const { id } = await addPicture(testApp, ann, png)
    for (const file of pictureFiles) {
      const at = `${testApp.nodes[0]?.url}/api/v1/pictures/${id}/${file}`
      const redirect = await fetch(at, { redirect: 'manual' })
      expect(redirect.status).toBe(302)
      expect(redirect.headers.get('cache-control')).toBe('public, max-age=600')
      expect(redirect.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
      expect(redirect.headers.get('vary')).toContain('Accept')
      const response = await fetch(at)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe(file.endsWith('jpg') ? 'image/jpeg' : 'image/webp')
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, s-maxage=86400, immutable')
      const shown = await sharp(Buffer.from(await response.arrayBuffer())).metadata()
      expect(shown.width).toBe(Math.min(320, Number(/\d+/.exec(file)?.[0])))
    }
    // The same URL for all callers, so that browsers reuse their cache.
    const input = { pictureId: id, file: '500.webp' } as const
    const headers = { accept: 'application/json' }
    // For two seconds after a change nothing is cached, so that no value read before it is stored.
    await waitUntil(async () => {
      await ann.call(getPictureFile, input, { headers })
      return Boolean(await testApp.app.redis.commands.get(`cache:${fileUrlCacheKey(id, input.file)}`))
    })
    const overRest = await ann.call(getPictureFile, input, { headers })
    expect(overRest.maxAgeSeconds).toBe(600)
    expect(await ann.call(getPictureFile, input, { transport: 'socket' })).toEqual(overRest)
    const [, second] = testApp.nodes
    expect(
      (await fetch(`${second?.url}/api/v1/pictures/${id}/500.webp`, { redirect: 'manual' })).headers.get('location'),
    ).toBe(overRest.url)
    const head = await fetch(`${second?.url}/api/v1/pictures/${id}/500.webp`, { redirect: 'manual', method: 'HEAD' })
    expect(head.status).toBe(302)
  })

  it('is that of the distribution when one is configured, without a signature', async () => {
    testApp = await createTestApp()
    const ann = await testApp.signIn('ann')
    const { id } = await addPicture(testApp, ann, png)
    const at = `${testApp.nodes[0]?.url}/api/v1/pictures/${id}/250.jpg`
    const redirect = await fetch(at, { redirect: 'manual' })
    expect(redirect.headers.get('location')).toBe(`${testApp.app.config.cdn?.origin}/pictures/${id}/250.jpg`)
    expect(redirect.headers.get('cache-control')).toBe('public, max-age=86400')
    const response = await fetch(at)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('image/jpeg')
    // The distribution serves only pictures.
    await testApp.app.storage.put('audio/x', png, 'audio/mpeg')
    const edge = testApp.app.config.cdn?.origin ?? ''
    for (const path of ['audio/x', `incoming/${id}`, `pictures/${id}/../../audio/x`, `pictures/%2e%2e/audio/x`])
      expect([path, await rawGet(edge, `/${path}`)]).toEqual([path, 403])
  })

  it('is not found for a picture that is unknown, not rendered yet or removed', async () => {
    testApp = await createTestApp()
    const ann = await testApp.signIn('ann')
    const { pictureId } = await sendPicture(ann, png)
    const input = { pictureId, file: '500.webp' } as const
    expect(await ann.expectProblem(getPictureFile, input)).toMatchObject({ code: 'not_found', status: 404 })
    await ann.call(finalizePicture, { pictureId })
    await testApp.runJobs()
    await ann.call(getPictureFile, input, { transport: 'socket' })
    await ann.call(removeAvatar, {})
    expect(await ann.expectProblem(getPictureFile, input)).toMatchObject({ code: 'not_found' })
    expect(await ann.expectProblem(getPictureFile, { ...input, file: '501.webp' })).toMatchObject({
      code: 'invalid_input',
    })
    const response = await rawGet(testApp.nodes[0]?.url ?? '', `/api/v1/pictures/${pictureId}/..%2f..%2fincoming`)
    expect(response).toBe(400)
  })
})

/** Sends the path as it is; `fetch` would normalize it. */
const rawGet = (origin: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    request({ hostname, port, path }, response => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
