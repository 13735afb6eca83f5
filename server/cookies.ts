import { type CookieOptions, type Response } from 'express'
import { type AnyOperation, methodAndPath } from '../kernel/operation'

/** Sets the cookies that an answer carries. Their paths are of another host's, so the page that asked may be of a third. */
export function setCookies(op: AnyOperation, answer: unknown, response: Response): void {
  for (const { name, value, path, domain, maxAgeSeconds } of op.cookiesOf?.(answer) ?? []) {
    const scope: CookieOptions = { path, maxAge: maxAgeSeconds * 1_000, ...(domain === undefined ? {} : { domain }) }
    response.cookie(name, value, { ...scope, secure: true, httpOnly: true, sameSite: 'none' })
  }
}

/** Says of a path whether an operation there hands out cookies: browsers keep them only from where credentials are allowed. */
export function handingOutCookies(operations: readonly AnyOperation[], root: string): (path: string) => boolean {
  const forms = operations
    .filter(op => op.cookiesOf !== undefined)
    .map(op => new RegExp(`^${root}${methodAndPath(op.route).path.replace(/:\w+/g, '[^/]+')}/?$`))
  return path => forms.some(form => form.test(path))
}
