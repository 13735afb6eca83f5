import { generateKeyPairSync } from 'node:crypto'

/** Generates an RSA 2048 key pair in PEM: the private key signs URLs (`CLOUDFRONT_PRIVATE_KEY`), the edge gets the public key. */
export function generateSigningKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
