import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'

/** How long `closeHttp` waits for requests in progress before it cuts their connections. */
const drainMs = 10_000
const headersMax = 100

/** Creates the HTTP server, with timeouts and limits against slow clients. */
export function createHttpServer(app: RequestListener): Server {
  const http = createServer(httpLimits, app)
  http.maxHeadersCount = headersMax
  return http
}

/** Node enforces its timeouts only every `connectionsCheckingInterval`, 30 s by default. */
const httpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  // Longer than the proxy's keep-alive, so that the server never closes a connection on which a request is arriving.
  keepAliveTimeout: 75_000,
}

/** Starts listening and returns the port; 0 picks a free one. */
export async function listen(http: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, resolve)
  })
  return (http.address() as AddressInfo).port
}

/**
 * Answers with `Connection: close` from now on, so that the proxy opens no request on a connection that is about to close and
 * that it could not safely send again.
 */
export function disableKeepAlive(http: Server): void {
  http.prependListener('request', (_request, response) => {
    response.setHeader('Connection', 'close')
  })
}

/** Stops listening, closes idle connections and waits for requests in progress. */
export async function closeHttp(http: Server): Promise<void> {
  const closed = new Promise<void>(resolve => http.close(() => resolve()))
  const closeIdle = setInterval(() => http.closeIdleConnections(), 50)
  const forceClose = setTimeout(() => http.closeAllConnections(), drainMs)
  http.closeIdleConnections()
  await closed
  clearInterval(closeIdle)
  clearTimeout(forceClose)
}
