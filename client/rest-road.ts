import { bodyOf, type Http } from './http'
import { routes } from './operations'
import { TuttiProblem } from './problem'
import { type Answer, callTimeoutMs, isUnreachable, type Question, type Road, toAnswer, wantsCookies } from './road'

/** Calls over REST, one request each. */
export const restRoad = (http: Http): Road => ({
  async ask(question: Question): Promise<Answer> {
    const { method, path, body, secret } = toRequest(question)
    const headers = {
      // By name: some operations redirect whoever takes anything.
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(secret === undefined ? {} : { 'x-track-secret': secret }),
      ...(question.key === undefined ? {} : { 'idempotency-key': question.key }),
    }
    const signal = AbortSignal.timeout(callTimeoutMs)
    const request = { method, headers, signal, ...(body && { body }) }
    const credentials = wantsCookies(question.input) && { credentials: 'include' as const }
    const send = async () => bodyOf(await http.send(path, { ...request, ...credentials }))
    // A connection that was kept may have been closed at this very moment: to ask once more does no harm.
    const again = (error: unknown) => {
      if (signal.aborted || !isUnreachable(error)) throw error
      return send()
    }
    return toAnswer(await send().catch(again))
  },
})

interface RestRequest {
  method: string
  path: string
  body?: string
  secret?: string
}

/** Fields that the path names go there; the others into the query of a GET or DELETE, else into the body. No secret is in a URL. */
function toRequest({ name, input }: Question): RestRequest {
  const [method = '', template = ''] = routeOf(name).split(' ')
  const left = new Map<string, unknown>(Object.entries(input))
  const path = template.replace(/:(\w+)/g, (_whole, field: string) => {
    const value = asText(left.get(field))
    left.delete(field)
    return encodeURIComponent(value)
  })
  if (method !== 'GET' && method !== 'DELETE') return { method, path, body: JSON.stringify(Object.fromEntries(left)) }
  const secret = left.get('secret')
  left.delete('secret')
  const query = new URLSearchParams()
  for (const [field, value] of left) if (value !== undefined) query.set(field, asText(value))
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
