import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createAppContext } from '../../kernel/platform/app-context'
import { readConfig } from '../../kernel/platform/config'
import { createLog } from '../../kernel/platform/log'
import { testStack } from '../stack'
import { waitUntil } from './wait-until'

it('closes what is open when a later part cannot be created', async () => {
  const connections: Socket[] = []
  const closed: Socket[] = []
  const redis = createServer(socket => {
    connections.push(socket)
    socket.on('error', () => undefined).on('close', () => closed.push(socket))
    socket.resume()
  })
  redis.listen(0, '127.0.0.1')
  await once(redis, 'listening')
  const config = readConfig({
    ...testStack().variables,
    NODE_ENV: 'test',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String((redis.address() as AddressInfo).port),
    CLOUDFRONT_DOMAIN: 'cdn.example.org',
    CLOUDFRONT_KEY_PAIR_ID: 'key',
    CLOUDFRONT_PRIVATE_KEY: 'no key',
  })
  await expect(createAppContext(config, { log: createLog('silent') })).rejects.toThrow()
  // What had begun to connect ends, and nothing connects again.
  await waitUntil(() => closed.length === connections.length)
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(closed).toHaveLength(connections.length)
  redis.close()
})
