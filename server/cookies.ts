import { type CookieOptions, type Response } from 'express'
import { type AnyOperation, parseRoute } from '../kernel/pipeline/operation'

/** Sets the cookies of an answer. SameSite=None, because they are for the CDN's host and the page may be on a third site. */
export function setCookies(op: AnyOperation, answer: unknown, response: Response): void {
  for (const { name, value, path, domain, maxAgeSeconds } of op.cookies?.(answer) ?? []) {
    const scope: CookieOptions = { path, maxAge: maxAgeSeconds * 1_000, ...(domain === undefined ? {} : { domain }) }
    response.cookie(name, value, { ...scope, secure: true, httpOnly: true, sameSite: 'none' })
  }
}

/** Returns a predicate: whether the operation at a path sets cookies, which browsers keep only if CORS allows credentials. */
export function setsCookiesAt(operations: readonly AnyOperation[], root: string): (path: string) => boolean {
  const patterns = operations
    .filter(op => op.cookies !== undefined)
    .map(op => new RegExp(`^${root}${parseRoute(op.route).path.replace(/:\w+/g, '[^/]+')}/?$`))
  return path => patterns.some(pattern => pattern.test(path))
}
