import { toProblem, type TuttiProblem, tokenUnavailable, unreachable } from './problem'
import { type TokenSource } from './road'

export interface HttpRequest {
  method?: string
  headers?: Record<string, string>
  body?: string
  /** Cookies go along and are kept, on another origin too: only where the server allows it, else browsers hide the answer. */
  credentials?: 'include'
  signal: AbortSignal
}

/** Requests to the API with the token that is good now; one that is refused is asked for anew, once. */
export class Http {
  constructor(
    private readonly origin: string,
    private readonly token: TokenSource,
  ) {}

  /** `path` is below `/api/v1`. @throws TuttiProblem, `unreachable` when no answer came. */
  async send(path: string, request: HttpRequest): Promise<Response> {
    const token = await tokenFrom(this.token)
    const response = await this.#sendWith(token, path, request)
    if (response.status !== 401 || !this.token.mayChange) return response
    const problem = await problemIn(response.clone())
    const other = await tokenFrom(this.token, problem)
    return other === token ? response : this.#sendWith(other, path, request)
  }

  async #sendWith(token: string, path: string, { headers, ...request }: HttpRequest): Promise<Response> {
    const sent = { ...request, headers: { ...headers, authorization: `Bearer ${token}` } }
    return fetch(`${this.origin}/api/v1${path}`, sent).catch((error: unknown) => {
      throw unreachable(error)
    })
  }
}

/** @throws TuttiProblem when it is no JSON. */
export const bodyOf = (response: Response): Promise<unknown> =>
  response.json().catch((error: unknown) => {
    throw unreachable(error)
  })

export const problemIn = async (response: Response): Promise<TuttiProblem> =>
  toProblem(await response.json().catch(() => undefined))

export const tokenFrom = (token: TokenSource, refused?: TuttiProblem): Promise<string> =>
  token(refused).catch((error: unknown) => {
    throw tokenUnavailable(error)
  })
