import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomUUID,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'

/** The issuer's RSA keys: the newest signs; older ones stay published until they are retired. */
export interface KeyRing {
  signingKey: () => SigningKey
  /** The public keys as a JSON Web Key Set, newest first. */
  publicKeySet: () => { keys: JsonWebKey[] }
  /** Switches to a new signing key; the old keys stay published. */
  rotate: () => Promise<void>
  /** Unpublishes all keys but the current one. */
  retireOldKeys: () => void
}

export interface SigningKey {
  kid: string
  privateKey: KeyObject
}

/**
 * Reads the key ring from `file`, or creates one with a single key.
 * @throws Error if the file exists and does not hold RSA keys.
 */
export async function openKeyRing(file?: string): Promise<KeyRing> {
  let keys: [SigningKey, ...SigningKey[]] = file !== undefined && existsSync(file) ? read(file) : [await makeKey()]
  const replace = (newKeys: typeof keys) => {
    keys = newKeys
    if (file !== undefined) write(file, keys)
  }
  replace(keys)
  return {
    signingKey: () => keys[0],
    publicKeySet: () => ({ keys: keys.map(publicJwk) }),
    async rotate() {
      const newKey = await makeKey()
      replace([newKey, ...keys])
    },
    retireOldKeys: () => replace([keys[0]]),
  }
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { kid: randomUUID(), privateKey }
}

function publicJwk({ kid, privateKey }: SigningKey): JsonWebKey {
  return { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
}

function read(file: string): [SigningKey, ...SigningKey[]] {
  const stored: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!Array.isArray(stored)) throw new Error('The key file of the token issuer is not a list of keys')
  const [first, ...others] = stored.map(restore)
  if (!first) throw new Error('The key file of the token issuer holds no keys')
  return [first, ...others]
}

function restore(entry: unknown): SigningKey {
  if (typeof entry === 'object' && entry !== null && 'kid' in entry && 'pem' in entry) {
    const { kid, pem } = entry
    if (typeof kid === 'string' && typeof pem === 'string') {
      const privateKey = createPrivateKey(pem)
      if (privateKey.asymmetricKeyType === 'rsa') return { kid, privateKey }
    }
  }
  throw new Error('The key file of the token issuer holds something other than RSA keys')
}

/** Writes a temporary file and renames it, so that a crash leaves the old or the new file, never a partial one. */
function write(file: string, keys: readonly SigningKey[]): void {
  const stored = keys.map(({ kid, privateKey }) => ({ kid, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) }))
  const temporary = `${file}.${randomUUID()}`
  writeFileSync(temporary, JSON.stringify(stored, null, 2), { mode: 0o600 })
  renameSync(temporary, file)
}
