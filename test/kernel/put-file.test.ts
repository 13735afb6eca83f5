import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { readConfig } from '../../kernel/platform/config'
import { openStorage, type Storage } from '../../kernel/platform/storage'
import { testStack } from '../stack'

const { signal } = new AbortController()

let storage: Storage
let folder: string
beforeAll(async () => {
  storage = openStorage(readConfig(testStack().variables))
  folder = await mkdtemp(join(tmpdir(), 'tutti-put-file-test-'))
})
afterAll(async () => {
  await storage[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function fileOf(bytes: Buffer): Promise<string> {
  const path = join(folder, randomUUID())
  await writeFile(path, bytes)
  return path
}

const mebibyte = 1024 * 1024

it.each([0, 1, 8 * mebibyte, 8 * mebibyte + 1, 20 * mebibyte])('stores a file of %i bytes durably', async size => {
  const bytes = randomBytes(size)
  const key = `put-file/${randomUUID()}`
  await storage.putFile(key, await fileOf(bytes), 'audio/mp4', { signal })
  const { etag = '', ...stored } = (await storage.head(key)) ?? {}
  expect(stored).toMatchObject({ sizeBytes: size, contentType: 'audio/mp4' })
  const back = join(folder, randomUUID())
  await storage.download(key, back, { etag, signal })
  expect((await readFile(back)).equals(bytes)).toBe(true)
  const { headers } = await fetch(await storage.presignGet(key, 60, 'audio/mp4'), { headers: { range: 'bytes=0-0' } })
  if (size > 0) expect(headers.get('cache-control')).toBe('max-age=31536000, immutable')
})

it('leaves nothing behind if it is aborted', async () => {
  const key = `put-file/${randomUUID()}`
  const stopping = new AbortController()
  const putting = storage.putFile(key, await fileOf(randomBytes(60 * mebibyte)), 'audio/mp4', stopping)
  const { region, credentials, endpoint, bucket } = settings()
  const s3 = new S3Client({ region, credentials, endpoint, forcePathStyle: true })
  const waiting = async () => {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }))
    return Uploads.filter(({ Key }) => Key === key).length
  }
  while ((await waiting()) === 0) await new Promise(resolve => setImmediate(resolve))
  stopping.abort()
  await expect(putting).rejects.toThrow()
  expect(await waiting()).toBe(0)
  expect(await storage.head(key)).toBeUndefined()
  s3.destroy()
})

function settings() {
  const { aws, storage } = readConfig(testStack().variables)
  if (aws.credentials === undefined || storage.endpoint === undefined) throw new Error('the test stack has no bucket')
  return { ...aws, credentials: aws.credentials, endpoint: storage.endpoint, bucket: storage.bucket }
}
