import { count, named, optional, shape, type Value, outputText } from './schema'

/**
 * A cookie in an answer. REST also sends it as Set-Cookie (Secure, HttpOnly, SameSite=None). Over a socket, or where the
 * browser blocks cookies, the client attaches it itself.
 */
export const cookie = named(
  'Cookie',
  shape({ name: outputText, value: outputText, path: outputText, domain: optional(outputText), maxAgeSeconds: count }),
)
export type Cookie = Value<typeof cookie>
