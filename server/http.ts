import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'

/** Longer than this nobody's request takes: what is left then is cut. */
const drainMs = 10_000
const headersMax = 100

/** An HTTP server with limits on everything that a client could draw out. */
export function createHttp(app: RequestListener): Server {
  const http = createServer(httpLimits, app)
  http.maxHeadersCount = headersMax
  return http
}

/** Node checks its own timeouts only every `connectionsCheckingInterval`, 30 s by default. */
const httpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  // Longer than the proxy keeps a connection, so that it is never closed under a request on its way.
  keepAliveTimeout: 75_000,
}

/** The port that it listens on: any free one for 0. */
export async function listen(http: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, resolve)
  })
  return (http.address() as AddressInfo).port
}

/**
 * Ends each connection with its next answer and says so in it: a proxy that keeps connections finds none closed under a
 * request that it must not send twice.
 */
export function keepNoConnections(http: Server): void {
  http.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
}

/** Lets requests under way finish; connections that only wait are closed at once. */
export async function closeHttp(http: Server): Promise<void> {
  const closed = new Promise<void>(resolve => http.close(() => resolve()))
  const idle = setInterval(() => http.closeIdleConnections(), 50)
  const late = setTimeout(() => http.closeAllConnections(), drainMs)
  http.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(late)
}
