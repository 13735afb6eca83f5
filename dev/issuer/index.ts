import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { openKeyRing } from './keys'
import { defaultTtlSeconds, makeToken, type TokenWish } from './token'
import { readTokenRequest } from './token-request'

export { type TokenWish } from './token'

export interface IssuerOptions {
  /** 0, the default, takes any free port. */
  port?: number
  audience: string
  /** Keeps the RSA keys over restarts (mode 0600). Without it each start makes new ones. */
  keyFile?: string
  /** Epoch milliseconds. */
  now?: () => number
}

/** What the key set endpoint does: answer, 503, accept and stay silent, send no JSON, send a good key set of 10 MB. */
export type Misbehaviour = 'none' | 'down' | 'hang' | 'garbage' | 'huge'

export interface Issuer extends AsyncDisposable {
  /** The `iss` of every token, which is also the address of the server. */
  issuer: string
  audience: string
  jwksUrl: string
  port: number
  tokenFor(subject: string, wish?: TokenWish): Promise<string>
  /** Signs with a new key from now on; the old ones stay published. */
  rotate(): Promise<void>
  /** Unpublishes all keys but the current one. */
  retire(): Promise<void>
  misbehave(mode: Misbehaviour): void
  /** Requests for the key set so far, however they were answered. */
  readonly hits: number
}

/**
 * The development stand-in for the separate auth server: signs RS256 tokens for anyone who asks and publishes its keys. Listens on
 * 127.0.0.1 alone. Throws if the port is taken or the key file unusable.
 */
export async function startIssuer({ audience, now = Date.now, ...options }: IssuerOptions): Promise<Issuer> {
  const ring = await openKeyRing(options.keyFile)
  const server = createServer()
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  const issuer = `http://127.0.0.1:${port}`
  const jwksUrl = `${issuer}/.well-known/jwks.json`
  const tokenFor = (subject: string, wish?: TokenWish) =>
    makeToken({ issuer, audience, now: now() }, ring.current(), subject, wish)

  let mode: Misbehaviour = 'none'
  let hits = 0
  const endpoints: Endpoints = {
    'GET /.well-known/jwks.json': (_, response) => {
      hits++
      misbehaviours[mode](response, ring.published())
    },
    'GET /.well-known/openid-configuration': (_, response) => json(response, 200, discovery(issuer, jwksUrl)),
    'POST /token': async (request, response) => {
      const asked = await readTokenRequest(request)
      if ('fault' in asked) {
        json(response, 400, { error: 'invalid_request', error_description: asked.fault })
        return
      }
      const { subject, ...wish } = asked
      const expires_in = wish.ttlSeconds ?? defaultTtlSeconds
      json(response, 200, { access_token: tokenFor(subject, wish), token_type: 'Bearer', expires_in })
    },
  }
  server.on('request', (request, response) => void serve(endpoints, request, response))

  return {
    issuer,
    audience,
    jwksUrl,
    port,
    tokenFor: async (subject, wish) => tokenFor(subject, wish),
    rotate: () => ring.rotate(),
    retire: async () => ring.retire(),
    misbehave: wanted => void (mode = wanted),
    get hits() {
      return hits
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

type Endpoints = Record<string, (request: IncomingMessage, response: ServerResponse) => void | Promise<void>>

async function serve(endpoints: Endpoints, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Access-Control-Allow-Origin', '*')
  response.setHeader('Cache-Control', 'no-store')
  const [path = ''] = (request.url ?? '').split('?', 1)
  const wanted = `${request.method ?? ''} ${path}`
  const endpoint = Object.hasOwn(endpoints, wanted) ? endpoints[wanted] : undefined
  try {
    if (request.method === 'OPTIONS') {
      response
        .writeHead(204, { 'Access-Control-Allow-Methods': 'GET, POST', 'Access-Control-Allow-Headers': '*' })
        .end()
    } else if (endpoint) {
      await endpoint(request, response)
    } else {
      json(response, 404, { error: 'not_found' })
    }
  } catch {
    // Only a request that broke off while its body was read ends up here: there is no one left to answer.
    response.destroy()
  }
}

const misbehaviours: Record<Misbehaviour, (response: ServerResponse, keySet: object) => void> = {
  none: (response, keySet) => json(response, 200, keySet),
  down: response => json(response, 503, { error: 'temporarily_unavailable' }),
  hang: () => undefined,
  garbage: response => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>{"keys": [')
  },
  // The keys are good, so a reader without a limit on size would take them.
  huge: (response, keySet) => json(response, 200, { ...keySet, padding: 'x'.repeat(10_000_000) }),
}

/** Says no more than is true: there is no authorization endpoint here and no grant. */
function discovery(issuer: string, jwksUrl: string): object {
  return {
    issuer,
    jwks_uri: jwksUrl,
    token_endpoint: `${issuer}/token`,
    response_types_supported: [],
    grant_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server listens on no port')
  return address.port
}
