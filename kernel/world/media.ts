import { type Cookie } from '../cookie'
import { type Config } from './config'
import { createEdgeSigner, type Signed } from './edge-signer'
import { type Storage } from './storage'

export type Media = ReturnType<typeof createMedia>

/** A folder of the bucket that is open to whoever has its addresses, or its cookies where there are some. */
export interface OpenFolder {
  /** Of an object in the folder. */
  signedUrl(key: string, contentType: string): Promise<string>
  /** With these its objects may be fetched at their `plainUrl`. */
  cookies: Cookie[]
}

/**
 * Addresses at which a listener may fetch an object for a while: signed for CloudFront when a distribution is configured,
 * else presigned by S3. A signature costs up to two milliseconds: sign when somebody plays, never in lists.
 * @throws when a configured key cannot sign: known when the process starts, not when the key's turn comes.
 */
export function createMedia(config: Pick<Config, 'cdn'>, storage: Storage) {
  const { cdn } = config
  const signer = cdn === undefined ? undefined : createEdgeSigner(cdn)
  if (cdn?.next !== undefined) createEdgeSigner(cdn.next)
  const secondsUntil = (expiresAt: Date, now: Date) => Math.ceil((expiresAt.getTime() - now.getTime()) / 1000)

  return {
    /** Whose signatures these are: what was signed by another key must not be handed out from a cache any more. */
    signedBy: signer?.keyPairId ?? 'bucket',

    /** How an address may be opened here. */
    deliveries: cdn === undefined ? (['url'] as const) : (['url', 'cookies'] as const),

    /** The address of one object. `disposition` is the Content-Disposition that it shall be answered with. */
    async signedUrl(
      key: string,
      contentType: string,
      now: Date,
      expiresAt: Date,
      disposition?: string,
    ): Promise<string> {
      if (cdn === undefined || signer === undefined)
        return storage.presignGet(key, secondsUntil(expiresAt, now), contentType, disposition)
      const address = addressAt(cdn.origin, key)
      if (disposition === undefined) return `${address}?${queryOf(signer.canned(address, expiresAt))}`
      // The edge hands this on to S3, which takes it for the header.
      const named = `${address}?response-content-disposition=${escaped(disposition)}`
      return `${named}&${queryOf(signer.canned(named, expiresAt))}`
    },

    /** All objects whose key begins with `folder`, by one signature at the edge, or one for each that is asked for of S3. */
    async openFolder(folder: string, now: Date, expiresAt: Date): Promise<OpenFolder> {
      if (cdn === undefined || signer === undefined) {
        const signedUrl = (key: string, contentType: string) =>
          storage.presignGet(key, secondsUntil(expiresAt, now), contentType)
        return { signedUrl, cookies: [] }
      }
      const signed = signer.custom(`${addressAt(cdn.origin, folder)}*`, expiresAt)
      const query = queryOf(signed)
      const maxAgeSeconds = Math.max(0, secondsUntil(expiresAt, now))
      return {
        signedUrl: async key => `${addressAt(cdn.origin, key)}?${query}`,
        cookies: cookiesOf(signed, { path: `/${folder}`, maxAgeSeconds, domain: cdn.cookieDomain }),
      }
    },

    /** Where an object lies, for whoever has cookies; undefined without a distribution. */
    plainUrl: (key: string): string | undefined => (cdn === undefined ? undefined : addressAt(cdn.origin, key)),
  }
}

const addressAt = (origin: string, key: string): string =>
  `${origin}/${key.split('/').map(encodeURIComponent).join('/')}`

/** Browsers escape an apostrophe in a query by themselves, and the signature covers the address as it is sent. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

/** Its alphabet needs no escapes. */
const queryOf = (signed: Signed): string => signed.map(([name, value]) => `${name}=${value}`).join('&')

function cookiesOf(
  signed: Signed,
  where: { path: string; maxAgeSeconds: number; domain: string | undefined },
): Cookie[] {
  const { domain, ...rest } = where
  const scope = { ...rest, ...(domain === undefined ? {} : { domain }) }
  return signed.map(([name, value]) => ({ name: `CloudFront-${name}`, value, ...scope }))
}
