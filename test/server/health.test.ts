import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { findFreePort } from '../../dev/processes/find-free-port'
import { type AppContext } from '../../kernel/platform/app-context'
import { createPipeline } from '../../kernel/pipeline/pipeline'
import { createExpressApp } from '../../server/express-app'
import { type Readiness } from '../../server/health'
import { notesRegistry } from '../kernel/notes'
import { type TestKernel, createTestKernel } from '../kernel/test-kernel'
import { waitUntil } from '../kernel/wait-until'
import { startFaultyProxy } from './faulty-proxy'

let kernel: TestKernel
beforeAll(async () => {
  kernel = await createTestKernel({ registry: notesRegistry })
})
afterAll(() => kernel[Symbol.asyncDispose]())

const noStreams = { open: () => Promise.reject(new Error('no streams on this app')) }

async function transport(app: AppContext, readiness: Readiness = { draining: false }) {
  const server = createServer(createExpressApp(createPipeline(app, notesRegistry), readiness, noStreams))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    request: async (path: string) => {
      const response = await fetch(url + path)
      return { status: response.status, body: await response.json() }
    },
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
const fine = { database: 'ok', redis: 'ok', migrations: 'ok', process: 'ok' }

describe('the health endpoints', () => {
  it('report ready when all dependencies are available', async () => {
    await using node = await transport(kernel.app)
    expect(await node.request('/health/live')).toEqual({ status: 200, body: { status: 'ok' } })
    expect(await node.request('/health/ready')).toEqual({ status: 200, body: { status: 'ok', checks: fine } })
  })

  it('report not ready but live while the node drains', async () => {
    await using node = await transport(kernel.app, { draining: true })
    expect(await node.request('/health/ready')).toEqual({
      status: 503,
      body: { status: 'not ready', checks: { ...fine, process: 'is draining' } },
    })
    expect(await node.request('/health/live')).toMatchObject({ status: 200 })
  })

  it('report not ready but live without Redis, and name it', async () => {
    await using lost = await createTestKernel({
      registry: notesRegistry,
      variables: { REDIS_PORT: String(await findFreePort()) },
    })
    await using node = await transport(lost.app)
    expect(await node.request('/health/ready')).toEqual({
      status: 503,
      body: { status: 'not ready', checks: { ...fine, redis: 'does not answer' } },
    })
    expect(await node.request('/health/live')).toMatchObject({ status: 200 })
  })

  it('report not ready in time while PostgreSQL refuses or hangs, and ready after its return', async () => {
    const { hostname, port, pathname } = new URL(kernel.url)
    await using proxy = await startFaultyProxy(hostname, Number(port))
    const far = new URL(kernel.url)
    far.port = String(proxy.port)
    far.pathname = pathname
    await using behind = await createTestKernel({ registry: notesRegistry, variables: { DATABASE_URL: far.href } })
    await using node = await transport(behind.app)
    expect(await node.request('/health/ready')).toMatchObject({ status: 200 })
    proxy.become('dead')
    const away = { database: 'does not answer', migrations: 'could not be read', redis: 'ok', process: 'ok' }
    expect(await node.request('/health/ready')).toEqual({ status: 503, body: { status: 'not ready', checks: away } })
    proxy.become('silent')
    expect(await node.request('/health/ready')).toEqual({ status: 503, body: { status: 'not ready', checks: away } })
    expect(await node.request('/health/live')).toMatchObject({ status: 200 })
    proxy.become('honest')
    await waitUntil(async () => (await node.request('/health/ready')).status === 200)
  })

  it('report not ready on a database that lacks a migration', async () => {
    await using behind = await createTestKernel({ registry: notesRegistry })
    const [last] = await behind.sql<{ name: string }>(
      'delete from migrations where name = (select max(name) from migrations) returning name',
    )
    await using node = await transport(behind.app)
    const body = { checks: { ...fine, migrations: `missing: ${last?.name ?? ''}` } }
    expect(await node.request('/health/ready')).toMatchObject({ status: 503, body })
  })
})

it('metrics count calls by operation and outcome only', async () => {
  await using node = await transport(kernel.app)
  await fetch(`${node.url}/api/v1/seldom`)
  await fetch(`${node.url}/api/v1/seldom?x=1`)
  await fetch(`${node.url}/api/v1/me`)
  const response = await fetch(`${node.url}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain')
  const text = await response.text()
  const counted = text.split('\n').filter(line => line.startsWith('tutti_operation_duration_seconds_count'))
  expect(counted).toEqual([
    'tutti_operation_duration_seconds_count{operation="notes.limitedRead",transport="rest",outcome="ok"} 1',
    'tutti_operation_duration_seconds_count{operation="notes.limitedRead",transport="rest",outcome="invalid_input"} 1',
    'tutti_operation_duration_seconds_count{operation="user-profile.getMe",transport="rest",outcome="not_signed_in"} 1',
  ])
  for (const name of ['tutti_sockets', 'tutti_process_cpu_seconds_total', 'tutti_relay_latency_seconds'])
    expect(text.includes(`# TYPE ${name} `)).toBe(true)
})
