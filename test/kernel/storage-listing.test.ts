import { randomUUID } from 'node:crypto'
import { type MultipartUploadCursor } from '../../kernel/platform/storage-listing'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const prefix = `listing-${randomUUID()}/`
const names = ['a', 'b', 'c', 'd', 'e'].map(name => `${prefix}${name}`)

it('lists objects in pages, in key order, with their age', async () => {
  const { storage } = testApp.app
  await Promise.all(names.map(key => storage.put(key, Buffer.from(key), 'text/plain')))
  const seen: string[] = []
  for (let after = '', hasMore = true; hasMore;) {
    const { objects, more } = await storage.listObjects(prefix, after, 2)
    expect(objects.length).toBeLessThanOrEqual(2)
    for (const { key, modifiedAt } of objects) {
      seen.push(key)
      expect(Math.abs(modifiedAt.getTime() - Date.now())).toBeLessThan(60_000)
    }
    after = objects.at(-1)?.key ?? ''
    hasMore = more
  }
  expect(seen).toEqual(names)
  expect(await storage.listObjects(`${prefix}z`, '', 2)).toEqual({ objects: [], more: false })
})

it('lists unfinished uploads in pages, including several of one key', async () => {
  const { storage } = testApp.app
  const opened = await Promise.all(
    [...names, ...names.slice(0, 2)].map(key => storage.createMultipartUpload(key, 'text/plain')),
  )
  const seen: string[] = []
  for (let after: MultipartUploadCursor | undefined, hasMore = true; hasMore;) {
    const { uploads, next } = await storage.listMultipartUploads(prefix, after, 2)
    seen.push(...uploads.map(({ multipartId }) => multipartId))
    after = next
    hasMore = next !== undefined
  }
  expect([...seen].sort()).toEqual([...opened].sort())
})

it('treats unknown uploads as absent', async () => {
  const { storage } = testApp.app
  const [key, unknownId] = [`${prefix}a`, randomUUID()]
  const signal = AbortSignal.timeout(5_000)
  expect(await storage.listParts(key, unknownId, signal)).toBeUndefined()
  const parts = [{ number: 1, sizeBytes: 1, etag: '"x"', sha256: null }]
  expect(await storage.completeMultipartUpload(key, unknownId, { parts, sizeBytes: 1, signal })).toBeUndefined()
  await storage.abortMultipartUpload(key, unknownId)
})
