import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type S3Response, errorResponse, sendResponse } from './response'
import { type S3Request, parseRequest } from './request'
import { corsHeaders } from './cors'
import { S3Error } from './errors'
import { hasProperties } from './records'
import { handleRequest } from './routes'
import { openState, type State } from './state'

export interface S3Options {
  /** The data folder: created if missing, kept on disposal, used by one process at a time. */
  folder: string
  /** Default 0: any free port. */
  port?: number
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** Epoch ms; default the system clock. */
  now?: () => number
}

export interface S3 extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  endpoint: string
  port: number
}

/**
 * Starts a stand-in for Amazon S3 on 127.0.0.1, for development and tests: **never for production**. It validates what S3
 * validates (signatures, expiry, policies, checksums, conditions, ranges, parts), with S3's error codes, and streams objects
 * to disk. Buckets are addressed by path or as `bucket.localhost`. There is one access key, no versions, no ACLs, no
 * encryption; lifecycle rules are stored but not applied. Disposing closes connections and keeps the folder.
 */
export async function startS3(options: S3Options): Promise<S3> {
  const { folder, region, accessKeyId, secretAccessKey, now = Date.now } = options
  const state = await openState(folder, { region, accessKeyId, secretAccessKey }, now)
  const pending = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const task = serve(state, request, response).finally(() => pending.delete(task))
    pending.add(task)
  })
  // Uploads of several gigabytes over a slow connection take longer than Node's default of 5 minutes.
  server.requestTimeout = 3_600_000
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  const port = await listen(server, options.port ?? 0)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
      await Promise.all(pending)
    },
  }
}

/** Handles one request. Never rejects. */
async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID()
  try {
    const { cors, ...answer } = await respond(state, request, requestId)
    // Drain the unread body of a refused request, or the connection never delivers its next request.
    request.resume()
    const commonHeaders = { date: new Date(state.now()).toUTCString(), 'x-amz-request-id': requestId }
    await sendResponse(
      { ...answer, headers: { ...commonHeaders, ...cors, ...answer.headers } },
      response,
      request.method === 'HEAD',
    )
  } catch (error) {
    // The client disconnected or the response failed: destroy it, so that a partial response does not look complete.
    if (!isConnectionError(error)) console.error('S3 stand-in:', error)
    response.destroy()
  }
}

async function respond(
  state: State,
  request: IncomingMessage,
  requestId: string,
): Promise<S3Response & { cors?: OutgoingHttpHeaders }> {
  let parsed: S3Request | undefined
  let answer: S3Response
  try {
    parsed = parseRequest(request)
    answer = await handleRequest(state, parsed)
  } catch (error) {
    const refusal = error instanceof S3Error ? error : new S3Error('InternalError')
    if (refusal !== error && !isConnectionError(error)) console.error('S3 stand-in:', error)
    answer = errorResponse(refusal, requestId, (request.url ?? '').replace(/\?.*/s, ''))
  }
  if (!parsed) return answer
  // Release the body, which the operation may have left unread.
  await parsed.body.return?.()
  return { ...answer, cors: corsHeaders(parsed, state.buckets.find(parsed.bucket ?? '')?.record.cors) }
}

const isConnectionError = (error: unknown) =>
  hasProperties(error, ['code']) &&
  ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(String(error.code))

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      if (typeof address === 'object' && address) resolve(address.port)
      else reject(new Error('the S3 stand-in has no port'))
    })
  })
}
