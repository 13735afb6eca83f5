import { type IncomingMessage } from 'node:http'
import Joi from 'joi'

export interface TokenRequest {
  subject: string
  name?: string
  roles?: string[]
  ttlSeconds?: number
  sid?: string
}

/** Reads the JSON body of `POST /token`; a body that is too long, no JSON or not as described comes back as a fault. */
export async function readTokenRequest(request: IncomingMessage): Promise<TokenRequest | { fault: string }> {
  const text = await readBounded(request)
  if (text === undefined) return { fault: `the body is longer than ${bodyBytesMax} bytes` }
  try {
    return Joi.attempt(JSON.parse(text), schema, { convert: false })
  } catch (error) {
    return { fault: Joi.isError(error) ? error.message : 'the body is not JSON' }
  }
}

const bodyBytesMax = 16_384

const schema = Joi.object<TokenRequest, true>({
  subject: Joi.string().max(200).required(),
  name: Joi.string().max(200),
  roles: Joi.array().items(Joi.string().max(100)).max(100),
  ttlSeconds: Joi.number().integer().min(1).max(31_536_000),
  sid: Joi.string().max(200),
}).required()

/** The rest of a body that is too long is read and dropped, since closing on it could cost the client our answer. */
async function readBounded(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= bodyBytesMax) chunks.push(chunk)
  }
  return bytes <= bodyBytesMax ? Buffer.concat(chunks).toString('utf8') : undefined
}
