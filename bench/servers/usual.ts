import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Pool } from 'pg'
import { Server, type Socket } from 'socket.io'
import { type BenchServer } from '../servers/server'

/**
 * A usual Socket.IO server: it verifies the token of the handshake with jose, and queries PostgreSQL once per room whether the
 * user may join. It does not resend missed events.
 */
export async function serveUsual(): Promise<BenchServer> {
  const { REDIS_HOST: host = '', REDIS_PORT = '', REDIS_PREFIX: prefix = '' } = process.env
  const { AUTH_SERVER_JWKS_URL: jwksUrl = '', AUTH_ISSUER: issuer = '', AUTH_AUDIENCE: audience = '' } = process.env
  const [publisher, subscriber] = [new Redis(Number(REDIS_PORT), host), new Redis(Number(REDIS_PORT), host)]
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  const http = createServer()
  const adapter = createAdapter(publisher, subscriber, { key: `${prefix}:usual` })
  const io = new Server(http, { adapter, serveClient: false, perMessageDeflate: false, httpCompression: false })

  io.use((socket, next) => {
    const { token } = socket.handshake.auth as { token: string }
    jwtVerify(token, keys, { algorithms: ['RS256'], issuer, audience }).then(
      ({ payload }) => {
        Object.assign(socket.data, { subject: payload.sub })
        next()
      },
      (error: unknown) => next(error instanceof Error ? error : new Error('refused')),
    )
  })
  io.on('connection', socket => {
    socket.on('channel.followAll', (sent: { input: { channels: { channel: string }[] } }, ack: Ack) => {
      void Promise.all(sent.input.channels.map(async ({ channel }) => joinIfAllowed(socket, channel))).then(followed =>
        ack({ data: { followed } }),
      )
    })
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  return { port: (http.address() as AddressInfo).port, answers: {} }
}

type Ack = (reply: unknown) => void

async function joinIfAllowed(socket: Socket, channel: string): Promise<unknown> {
  const [kind = '', id] = channel.split(':')
  const { subject } = socket.data as { subject: string }
  const { rows } = await pool.query({ name: kind, text: mayJoin[kind] ?? '', values: [id, subject] })
  if (rows.length === 0) return { error: { code: 'forbidden' } }
  await socket.join(channel)
  return { data: { channel } }
}

/** Minimal access checks, without blocks, secret links and moderators. */
const mayJoin: Record<string, string> = {
  user: 'select from profiles where id = $1 and subject = $2',
  track: `select from tracks where id = $1 and (visibility = 'public'
    or owner_id = (select id from profiles where subject = $2))`,
  playlist: `select from playlists where id = $1 and (visibility = 'public'
    or owner_id = (select id from profiles where subject = $2))`,
  party: `select from party_members join profiles on profiles.id = profile_id where party_id = $1 and subject = $2`,
}

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 6 })
