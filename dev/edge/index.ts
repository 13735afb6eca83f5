import { S3Client } from '@aws-sdk/client-s3'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { serveObject, type Origin } from './serve-object'
import { sendError } from './send-error'
import { verifySignature } from './signature'

export interface EdgeOptions {
  /** 0, the default, takes any free port. */
  port?: number
  /** PEM public keys (RSA or EC P-256) by key pair id. */
  publicKeys: Readonly<Record<string, string>>
  origin: { endpoint: string; region: string; bucket: string; accessKeyId: string; secretAccessKey: string }
  /** Origins of pages that may read responses and send cookies. Default `['*']`: all pages, without cookies. */
  allowedOrigins?: readonly string[]
  /** Epoch milliseconds. */
  now?: () => number
}

export interface Edge extends AsyncDisposable {
  url: string
  port: number
}

/**
 * The development stand-in for CloudFront in front of a private bucket: serves GET and HEAD for signed URLs and signed cookies
 * and responds with CloudFront's error documents. Writes no log, because a signed URL is a secret.
 * @throws Error if a public key is unusable or the port is taken.
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = options.origin
  const s3 = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // A checksum of the whole object does not apply to a range, and verifying it would wrap the stream.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // A paused player keeps its connection open, so do not limit the number of connections.
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: Infinity } },
  })
  const edge: Config = {
    keys: parsePublicKeys(options.publicKeys),
    origin: { s3, bucket },
    allowedOrigins: options.allowedOrigins ?? ['*'],
    now: options.now ?? Date.now,
  }
  const server = createServer((request, response) => void handle(edge, request, response))
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      s3.destroy()
    },
  }
}

interface Config {
  keys: ReadonlyMap<string, KeyObject>
  origin: Origin
  allowedOrigins: readonly string[]
  now: () => number
}

function parsePublicKeys(publicKeys: Readonly<Record<string, string>>): ReadonlyMap<string, KeyObject> {
  return new Map(
    Object.entries(publicKeys).map(([id, pem]) => {
      const key = createPublicKey(pem)
      if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') {
        throw new Error(`The public key ${id} is neither RSA nor EC`)
      }
      return [id, key]
    }),
  )
}

async function handle(edge: Config, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '', headers } = request
  setCorsHeaders(edge.allowedOrigins, headers.origin, response)
  // Browsers must not guess another type for a stored file.
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (method === 'OPTIONS' && headers['access-control-request-method'] !== undefined) {
    response.writeHead(204, preflight).end()
    return
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    sendError(response, 405, 'MethodNotAllowed')
    return
  }

  const ip = request.socket.remoteAddress ?? ''
  const signedRequest = { url: `http://${headers.host ?? ''}${url}`, cookie: headers.cookie, ip }
  const verdict = isPublic(url) ? 'ok' : verifySignature(signedRequest, edge.keys, edge.now())
  if (verdict !== 'ok') {
    sendError(response, 403, verdict)
    return
  }
  const key = objectKey(url)
  if (key === undefined) sendError(response, 400, 'InvalidURI')
  else if (key === '') sendError(response, 403, 'AccessDenied')
  else await serveObject(edge.origin, { key, contentDisposition: dispositionIn(url) }, request, response)
}

/** The cache behavior for pictures, which needs no signature. Matches the exact form of their paths and nothing else. */
const isPublic = (url: string): boolean => /^\/pictures\/[0-9a-f-]{36}\/\d+\.(webp|jpg)(\?|$)/.test(url)

/**
 * The only query parameter that reaches the origin, as in the cache policies of docs/deployment.md. None for pictures: an
 * unsigned or wildcard URL can be extended, and a parameter could turn a file into a page.
 */
const dispositionIn = (url: string): string | undefined =>
  isPublic(url) ? undefined : (new URLSearchParams(url.split('?')[1]).get('response-content-disposition') ?? undefined)

/** The key that S3 reads from this path: a bare `+` is a space, and only `%2B` is a plus. */
function objectKey(url: string): string | undefined {
  const [path = ''] = url.split('?', 1)
  if (!path.startsWith('/')) return undefined
  try {
    return decodeURIComponent(path.slice(1).replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

const preflight = {
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': 'Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since',
  'Access-Control-Max-Age': '600',
}

function setCorsHeaders(allowed: readonly string[], origin: string | undefined, response: ServerResponse): void {
  response.setHeader('Access-Control-Expose-Headers', 'Content-Range, Accept-Ranges, Content-Length, ETag')
  if (allowed.includes('*')) {
    response.setHeader('Access-Control-Allow-Origin', '*')
    return
  }
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || !allowed.includes(origin)) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Allow-Credentials', 'true')
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server listens on no port')
  return address.port
}
