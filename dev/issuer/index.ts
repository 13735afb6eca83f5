import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { openKeyRing } from './keys'
import { defaultTtlSeconds, signToken, type TokenOptions } from './token'
import { readTokenRequest } from './token-request'

export { type TokenOptions } from './token'

export interface IssuerOptions {
  /** 0, the default, takes any free port. */
  port?: number
  audience: string
  /** Stores the RSA keys across restarts (mode 0600). Without it, each start generates new keys. */
  keyFile?: string
  /** Epoch milliseconds. */
  now?: () => number
}

/** How the key set endpoint fails: not at all, 503, no response, invalid JSON, or a valid key set of 10 MB. */
export type FailureMode = 'none' | 'down' | 'hang' | 'garbage' | 'huge'

export interface Issuer extends AsyncDisposable {
  /** The `iss` of every token, and the URL of the server. */
  issuer: string
  audience: string
  jwksUrl: string
  port: number
  issueToken(subject: string, options?: TokenOptions): Promise<string>
  /** Switches to a new signing key; the old keys stay published. */
  rotateKeys(): Promise<void>
  /** Unpublishes all keys but the current one. */
  retireOldKeys(): Promise<void>
  setFailureMode(mode: FailureMode): void
  /** The number of requests for the key set so far, failed ones included. */
  readonly jwksRequestCount: number
}

/**
 * The development stand-in for the auth server: signs RS256 tokens for any request and publishes its keys. Listens on 127.0.0.1
 * only.
 * @throws Error if the port is taken or the key file is unusable.
 */
export async function startIssuer({ audience, now = Date.now, ...options }: IssuerOptions): Promise<Issuer> {
  const ring = await openKeyRing(options.keyFile)
  const server = createServer()
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  const issuer = `http://127.0.0.1:${port}`
  const jwksUrl = `${issuer}/.well-known/jwks.json`
  const tokenFor = (subject: string, options?: TokenOptions) =>
    signToken({ issuer, audience, now: now() }, ring.signingKey(), subject, options)

  let mode: FailureMode = 'none'
  let hits = 0
  const endpoints: Endpoints = {
    'GET /.well-known/jwks.json': (_, response) => {
      hits++
      misbehaviours[mode](response, ring.publicKeySet())
    },
    'GET /.well-known/openid-configuration': (_, response) => json(response, 200, discovery(issuer, jwksUrl)),
    'POST /token': async (request, response) => {
      const tokenRequest = await readTokenRequest(request)
      if ('fault' in tokenRequest) {
        json(response, 400, { error: 'invalid_request', error_description: tokenRequest.fault })
        return
      }
      const { subject, ...options } = tokenRequest
      const expires_in = options.ttlSeconds ?? defaultTtlSeconds
      json(response, 200, { access_token: tokenFor(subject, options), token_type: 'Bearer', expires_in })
    },
  }
  server.on('request', (request, response) => void serve(endpoints, request, response))

  return {
    issuer,
    audience,
    jwksUrl,
    port,
    issueToken: async (subject, options) => tokenFor(subject, options),
    rotateKeys: () => ring.rotate(),
    retireOldKeys: async () => ring.retireOldKeys(),
    setFailureMode: newMode => void (mode = newMode),
    get jwksRequestCount() {
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
  const route = `${request.method ?? ''} ${path}`
  const endpoint = Object.hasOwn(endpoints, route) ? endpoints[route] : undefined
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
    // Only a request that is aborted while its body is read gets here, so no response is possible.
    response.destroy()
  }
}

const misbehaviours: Record<FailureMode, (response: ServerResponse, keySet: object) => void> = {
  none: (response, keySet) => json(response, 200, keySet),
  down: response => json(response, 503, { error: 'temporarily_unavailable' }),
  hang: () => undefined,
  garbage: response => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>{"keys": [')
  },
  // The keys are valid, so only a size limit in the reader rejects this response.
  huge: (response, keySet) => json(response, 200, { ...keySet, padding: 'x'.repeat(10_000_000) }),
}

/** Lists no grants, because there is no authorization endpoint. */
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
