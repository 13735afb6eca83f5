import { type Cookie } from '../pipeline/cookie'
import { type Config } from './config'
import { createCloudFrontSigner, type SignatureParams } from './cloudfront-signer'
import { type Storage } from './storage'

export type MediaUrls = ReturnType<typeof createMediaUrls>

/** A folder of the bucket, readable with its signed URLs or its cookies. */
export interface SignedFolder {
  /** The signed URL of an object in the folder. */
  signUrl(key: string, contentType: string): Promise<string>
  /** With these the browser may fetch its objects at their `unsignedUrl`. Empty without CloudFront. */
  cookies: Cookie[]
}

/**
 * Signed URLs of objects: for CloudFront when a distribution is configured, else presigned by S3. A signature costs up to
 * two milliseconds, so sign on play, never in lists.
 * @throws when a configured key cannot sign, the next one included, so that the process fails at start-up.
 */
export function createMediaUrls(config: Pick<Config, 'cdn'>, storage: Storage) {
  const { cdn } = config
  const signer = cdn === undefined ? undefined : createCloudFrontSigner(cdn)
  if (cdn?.next !== undefined) createCloudFrontSigner(cdn.next)
  const secondsUntil = (expiresAt: Date, now: Date) => Math.ceil((expiresAt.getTime() - now.getTime()) / 1000)

  return {
    /** The signing key's id. Cache signatures under it, so that those of another key are not served after a rotation. */
    signingKeyId: signer?.keyPairId ?? 'bucket',

    /** The delivery methods that are configured. */
    deliveryMethods: cdn === undefined ? (['url'] as const) : (['url', 'cookies'] as const),

    /** The signed URL of one object. `disposition` sets the Content-Disposition of the response. */
    async signUrl(key: string, contentType: string, now: Date, expiresAt: Date, disposition?: string): Promise<string> {
      if (cdn === undefined || signer === undefined)
        return storage.presignGet(key, secondsUntil(expiresAt, now), contentType, disposition)
      const url = urlAt(cdn.origin, key)
      if (disposition === undefined) return `${url}?${queryOf(signer.canned(url, expiresAt))}`
      // CloudFront forwards the parameter to S3, which sets the header.
      const withDisposition = `${url}?response-content-disposition=${escaped(disposition)}`
      return `${withDisposition}&${queryOf(signer.canned(withDisposition, expiresAt))}`
    },

    /** Opens all objects under `folder`: with one signature for CloudFront, or one per requested object for S3. */
    async signFolder(folder: string, now: Date, expiresAt: Date): Promise<SignedFolder> {
      if (cdn === undefined || signer === undefined) {
        const signedUrl = (key: string, contentType: string) =>
          storage.presignGet(key, secondsUntil(expiresAt, now), contentType)
        return { signUrl: signedUrl, cookies: [] }
      }
      const signed = signer.custom(`${urlAt(cdn.origin, folder)}*`, expiresAt)
      const query = queryOf(signed)
      const maxAgeSeconds = Math.max(0, secondsUntil(expiresAt, now))
      return {
        signUrl: async key => `${urlAt(cdn.origin, key)}?${query}`,
        cookies: cookiesOf(signed, { path: `/${folder}`, maxAgeSeconds, domain: cdn.cookieDomain }),
      }
    },

    /** The unsigned URL, for clients with cookies; undefined without CloudFront. */
    unsignedUrl: (key: string): string | undefined => (cdn === undefined ? undefined : urlAt(cdn.origin, key)),
  }
}

const urlAt = (origin: string, key: string): string => `${origin}/${key.split('/').map(encodeURIComponent).join('/')}`

/** Also escapes characters such as the apostrophe, which browsers escape themselves: the signature covers the URL as sent. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

/** CloudFront's base64 variant needs no escaping. */
const queryOf = (signed: SignatureParams): string => signed.map(([name, value]) => `${name}=${value}`).join('&')

function cookiesOf(
  signed: SignatureParams,
  scope: { path: string; maxAgeSeconds: number; domain: string | undefined },
): Cookie[] {
  const { domain, ...rest } = scope
  const attributes = { ...rest, ...(domain === undefined ? {} : { domain }) }
  return signed.map(([name, value]) => ({ name: `CloudFront-${name}`, value, ...attributes }))
}
