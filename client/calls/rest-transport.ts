import { readJson, type Http } from './http'
import { routes } from '../operations'
import { TuttiProblem } from '../problem'
import {
  type CallResponse,
  callTimeoutMs,
  isUnreachable,
  type CallRequest,
  type CallTransport,
  toCallResponse,
  wantsCookies,
} from './call-transport'

/** Sends calls over REST, one HTTP request each. */
export const createRestTransport = (http: Http): CallTransport => ({
  async send(request: CallRequest): Promise<CallResponse> {
    const { method, path, body, secret } = toRequest(request)
    const headers = {
      // Ask for JSON explicitly: some operations redirect clients that accept anything.
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(secret === undefined ? {} : { 'x-track-secret': secret }),
      ...(request.key === undefined ? {} : { 'idempotency-key': request.key }),
    }
    const signal = AbortSignal.timeout(callTimeoutMs)
    const init = { method, headers, signal, ...(body && { body }) }
    const credentials = wantsCookies(request.input) && { credentials: 'include' as const }
    const send = async () => readJson(await http.send(path, { ...init, ...credentials }))
    // Retry once: the server may have closed an idle keep-alive connection in this moment. The idempotency key makes it safe.
    const retryOnce = (error: unknown) => {
      if (signal.aborted || !isUnreachable(error)) throw error
      return send()
    }
    return toCallResponse(await send().catch(retryOnce))
  },
})

interface RestRequest {
  method: string
  path: string
  body?: string
  secret?: string
}

/** Path parameters go into the path, other fields into the query of a GET or DELETE, else into the body; `secret` into a header. */
function toRequest({ name, input }: CallRequest): RestRequest {
  const [method = '', template = ''] = routeOf(name).split(' ')
  const remaining = new Map<string, unknown>(Object.entries(input))
  const path = template.replace(/:(\w+)/g, (_whole, field: string) => {
    const value = asText(remaining.get(field))
    remaining.delete(field)
    return encodeURIComponent(value)
  })
  if (method !== 'GET' && method !== 'DELETE')
    return { method, path, body: JSON.stringify(Object.fromEntries(remaining)) }
  const secret = remaining.get('secret')
  remaining.delete('secret')
  const query = new URLSearchParams()
  for (const [field, value] of remaining) if (value !== undefined) query.set(field, asText(value))
  const text = query.toString()
  return {
    method,
    path: text === '' ? path : `${path}?${text}`,
    ...(typeof secret === 'string' ? { secret } : {}),
  }
}

const asText = (value: unknown): string => String(value)

function routeOf(name: string): string {
  const route = Object.entries(routes).find(([operation]) => operation === name)?.[1]
  if (route !== undefined) return route
  throw new TuttiProblem({ code: 'unknown_operation', status: 404, detail: `there is no operation ${name}` })
}
