import { generateKeyPairSync } from 'node:crypto'

/** A fresh RSA 2048 pair in PEM: the private half signs URLs (`CLOUDFRONT_PRIVATE_KEY`), the public half is given to the edge. */
export function makeSigningKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
