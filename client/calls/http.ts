import { toProblem, type TuttiProblem, tokenUnavailable, unreachable } from '../problem'
import { type TokenSource } from './call-transport'

export interface HttpRequest {
  method?: string
  headers?: Record<string, string>
  body?: string
  /** Sends and keeps cookies, also cross-origin. The server must allow it, or browsers hide the response. */
  credentials?: 'include'
  signal: AbortSignal
}

/** Sends requests to the API with the current token; after a 401 asks for another token and retries once. */
export class Http {
  constructor(
    private readonly origin: string,
    private readonly token: TokenSource,
  ) {}

  /** `path` is relative to `/api/v1`. @throws TuttiProblem `unreachable` when there is no response */
  async send(path: string, request: HttpRequest): Promise<Response> {
    const token = await getToken(this.token)
    const response = await this.#sendWith(token, path, request)
    if (response.status !== 401 || !this.token.canChange) return response
    const problem = await readProblem(response.clone())
    const newToken = await getToken(this.token, problem)
    return newToken === token ? response : this.#sendWith(newToken, path, request)
  }

  async #sendWith(token: string, path: string, { headers, ...request }: HttpRequest): Promise<Response> {
    const init = { ...request, headers: { ...headers, authorization: `Bearer ${token}` } }
    return fetch(`${this.origin}/api/v1${path}`, init).catch((error: unknown) => {
      throw unreachable(error)
    })
  }
}

/** @throws TuttiProblem `unreachable` when the body is not JSON */
export const readJson = (response: Response): Promise<unknown> =>
  response.json().catch((error: unknown) => {
    throw unreachable(error)
  })

export const readProblem = async (response: Response): Promise<TuttiProblem> =>
  toProblem(await response.json().catch(() => undefined))

export const getToken = (token: TokenSource, refused?: TuttiProblem): Promise<string> =>
  token(refused).catch((error: unknown) => {
    throw tokenUnavailable(error)
  })
