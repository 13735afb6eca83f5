import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { generateSigningKeys } from '../../dev/edge/signing-keys'
import { verifySignature } from '../../dev/edge/signature'
import { createCloudFrontSigner } from '../../kernel/platform/cloudfront-signer'
import { createMediaUrls } from '../../kernel/platform/media-urls'
import { openStorage } from '../../kernel/platform/storage'
import { readConfig } from '../../kernel/platform/config'
import { testStack } from '../stack'

const pem = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }
const ecPair = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve, ...pem } as never) as unknown as Pair
interface Pair {
  publicKey: string
  privateKey: string
}

const rsa = generateSigningKeys()
const ec = ecPair('prime256v1')
const trusted = new Map([
  ['KRSA', createPublicKey(rsa.publicKey)],
  ['KEC', createPublicKey(ec.publicKey)],
])
const expiresAt = new Date(1_900_000_000_000)
const now = expiresAt.getTime() - 60_000
const origin = 'https://cdn.example'
const url = `${origin}/audio/a/b/hls/aac-160.mp4`
const query = (signed: readonly (readonly [string, string])[]) => signed.map(pair => pair.join('=')).join('&')
const verdict = (address: string, at = now) => verifySignature({ url: address, ip: '127.0.0.1' }, trusted, at)

describe('what the signer signs', () => {
  it.each([
    ['KRSA', rsa],
    ['KEC', ec],
  ])('is accepted by the edge within its scope: %s', (keyPairId, { privateKey }) => {
    const signer = createCloudFrontSigner({ keyPairId, privateKey })
    expect(verdict(`${url}?${query(signer.canned(url, expiresAt))}`)).toBe('ok')
    const folder = query(signer.custom(`${origin}/audio/a/b/hls/*`, expiresAt))
    expect(verdict(`${url}?${folder}`)).toBe('ok')
    expect(verdict(`${url}?${folder}`, expiresAt.getTime())).toBe('AccessDenied')
    expect(verdict(`${origin}/audio/a/b.flac?${folder}`)).toBe('AccessDenied')
    expect(verdict(`${origin}/audio/a/c/hls/aac-160.mp4?${folder}`)).toBe('AccessDenied')
  })
})

describe('an unsuitable key', () => {
  const rsa4096 = generateKeyPairSync('rsa', { modulusLength: 1024, ...pem } as never) as unknown as Pair
  it.each([
    ['not a PEM', 'none'],
    ['another key size', rsa4096.privateKey],
    ['another curve', ecPair('secp384r1').privateKey],
    ['a public key', rsa.publicKey],
  ])('is rejected at start, without its content in the message: %s', (_, privateKey) => {
    const storage = openStorage(readConfig(testStack().variables))
    const good = { keyPairId: 'KRSA', privateKey: rsa.privateKey }
    const cdn = { origin, cookieDomain: undefined, ...good, next: undefined }
    const fault = 'must be RSA 2048 or EC P-256, as PEM'
    expect(() => createMediaUrls({ cdn: { ...cdn, privateKey } }, storage)).toThrow(fault)
    expect(() => createMediaUrls({ cdn: { ...cdn, next: { keyPairId: 'KNEXT', privateKey } } }, storage)).toThrow(
      'KNEXT',
    )
    expect(() => createMediaUrls({ cdn }, storage)).not.toThrow()
  })
})
