import { type IncomingMessage } from 'node:http'
import Joi from 'joi'

export interface TokenRequest {
  subject: string
  name?: string
  roles?: string[]
  ttlSeconds?: number
  sid?: string
}

/** Reads and validates the JSON body of `POST /token`; returns what is wrong with an invalid one. */
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

/** Reads and drops the rest of a body that is too long, because closing the connection could lose the response. */
async function readBounded(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= bodyBytesMax) chunks.push(chunk)
  }
  return bytes <= bodyBytesMax ? Buffer.concat(chunks).toString('utf8') : undefined
}
