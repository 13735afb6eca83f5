import { type IncomingMessage, type ServerResponse } from 'node:http'

/** For both transports, whose answers are never rendered as pages. The docs pages relax the policy for themselves. */
export const securityHeaders = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"] },
  },
  strictTransportSecurity: { maxAge: 63_072_000, includeSubDomains: true },
  crossOriginResourcePolicy: { policy: 'same-site' as const },
  referrerPolicy: { policy: 'no-referrer' as const },
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** Runs a middleware that sets the same headers on every response once, and copies its headers to each response. */
export function withFixedHeaders(middleware: Middleware): Middleware {
  const headers = new Map<string, string>()
  const recorder = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: () => undefined,
  }
  middleware({} as unknown as IncomingMessage, recorder as unknown as ServerResponse, error => {
    if (error instanceof Error) throw error
  })
  return (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value)
    next()
  }
}
