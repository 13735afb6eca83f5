import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toRefusal } from '../../kernel/pipeline/errors'
import { readConfig } from '../../kernel/platform/config'
import { openStorage } from '../../kernel/platform/storage'
import { testStack } from '../stack'

const { aws, storage: settings } = readConfig(testStack().variables)

it.each([
  ['a missing object is reported as a conflict', settings.bucket, 'conflict'],
  ['a missing bucket is reported as unavailable, not as an error of the file', 'tutti-nowhere', 'unavailable'],
])('%s', async (_words, bucket, code) => {
  await using storage = openStorage({ aws, storage: { ...settings, bucket } })
  const folder = await mkdtemp(join(tmpdir(), 'tutti-bucket-'))
  try {
    const { signal } = new AbortController()
    const attempts = [
      storage.download('incoming/nothing', join(folder, 'x'), { etag: '"x"', signal }),
      storage.copy('incoming/nothing', 'audio/nothing', '"x"', 'audio/mpeg'),
    ]
    for (const answer of attempts) {
      const error: unknown = await answer.catch((thrown: unknown) => thrown)
      expect(toRefusal(error).kind.code).toBe(code)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
