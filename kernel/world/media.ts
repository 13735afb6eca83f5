import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { type Config } from './config'
import { type Storage } from './storage'

export type Media = ReturnType<typeof createMedia>

/**
 * Addresses at which a listener may fetch an object for a while: signed for CloudFront when a distribution is configured,
 * else presigned by S3. A signature costs more than a millisecond: sign when somebody plays, never in lists.
 */
export function createMedia(config: Pick<Config, 'cdn'>, storage: Storage) {
  const { cdn } = config
  return {
    async signedUrl(key: string, contentType: string, now: Date, expiresAt: Date): Promise<string> {
      if (cdn === undefined)
        return storage.presignGet(key, Math.ceil((expiresAt.getTime() - now.getTime()) / 1000), contentType)
      const path = key.split('/').map(encodeURIComponent).join('/')
      return getSignedUrl({
        url: `${cdn.origin}/${path}`,
        keyPairId: cdn.keyPairId,
        privateKey: cdn.privateKey,
        dateLessThan: expiresAt.toISOString(),
      })
    },
  }
}
