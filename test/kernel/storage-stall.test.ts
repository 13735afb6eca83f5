import { createServer, type Server } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toRefusal } from '../../kernel/pipeline/errors'
import { readConfig } from '../../kernel/platform/config'
import { openStorage } from '../../kernel/platform/storage'
import { testStack } from '../stack'

/** A store that starts a response and then stalls. */
let server: Server
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-stall-'))
  server = createServer((_request, response) => {
    response.writeHead(200, { etag: '"x"', 'content-length': 1_000 })
    response.write('half a sound')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  await rm(folder, { recursive: true })
})

it('a store that stalls within a body is given up', async () => {
  const { port } = server.address() as AddressInfo
  const { aws, storage: settings } = readConfig(testStack().variables)
  await using storage = openStorage(
    { aws, storage: { ...settings, endpoint: `http://127.0.0.1:${port}` } },
    { inactivityTimeoutMs: 300 },
  )
  const { signal } = new AbortController()
  const readings = [
    () => storage.download('incoming/x', join(folder, 'x'), { etag: '"x"', signal }),
    () => storage.get('incoming/x'),
  ]
  for (const read of readings) {
    const error: unknown = await read().catch((thrown: unknown) => thrown)
    expect(toRefusal(error).kind.code).toBe('unavailable')
  }
})
