import { count, named, optional, shape, type Value, written } from './schema'

/**
 * A cookie that an answer carries. Browsers get it as Set-Cookie from the REST door (Secure, HttpOnly, SameSite=None);
 * over a socket, or where cookies do not pass, the caller sends it by itself.
 */
export const cookie = named(
  'Cookie',
  shape({ name: written, value: written, path: written, domain: optional(written), maxAgeSeconds: count }),
)
export type Cookie = Value<typeof cookie>
