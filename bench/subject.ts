import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import express from 'express'
import { Pool } from 'pg'
import { Server } from 'socket.io'
import { type Product } from '../kernel/product'
import { readConfig } from '../kernel/world/config'
import { createWorld } from '../kernel/world'
import { startWeb } from '../server/main'
import { product } from '../skills'

/** What runs in a process of its own, so that its CPU time is its own: Tutti, or a bare server that answers the same. */
async function main(kind: string | undefined): Promise<void> {
  const port = kind === 'tutti' ? await serveTutti() : await serveBare()
  process.on('message', () => process.send?.(process.cpuUsage()))
  process.on('disconnect', () => process.exit(0))
  process.send?.(port)
}

async function serveTutti(): Promise<number> {
  const world = await createWorld(readConfig(process.env))
  await world.redis.ready(5_000)
  return (await startWeb(world, withoutEnd(product), 0)).port
}

/** Limits are counted as ever, but never reached. */
const withoutEnd = (limited: Product): Product => ({
  ...limited,
  operations: limited.operations.map(op => ({ ...op, limit: { perMinute: 1_000_000_000 } })),
})

/** The least that one could write: no token, no limit, no validation, no log; one prepared query. */
async function serveBare(): Promise<number> {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 6 })
  const query = { name: 'me', text: 'select * from profiles where subject = $1', values: ['ann'] }
  const me = async () => ({ data: (await pool.query<Record<string, unknown>>(query)).rows[0] })
  const app = express()
  app.get('/api/v1/me', async (_request, response) => {
    response.json(await me())
  })
  const http = createServer(app)
  new Server(http, { serveClient: false }).on('connection', socket => {
    socket.on('user-profile.getMe', (_sent: unknown, ack: (reply: unknown) => void) => void me().then(ack))
  })
  await new Promise<void>(resolve => http.listen(0, resolve))
  return (http.address() as AddressInfo).port
}

void main(process.argv[2])
