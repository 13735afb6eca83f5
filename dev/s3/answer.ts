import { type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Refusal } from './errors'
import { renderXml, type XmlFields } from './xml'

export interface Answer {
  status: number
  headers: OutgoingHttpHeaders
  body?: string | Readable
}

export function empty(status: number, headers: OutgoingHttpHeaders = {}): Answer {
  return { status, headers }
}

export function xmlAnswer(root: string, fields: XmlFields, headers: OutgoingHttpHeaders = {}): Answer {
  return rawXml(renderXml(root, fields, 'http://s3.amazonaws.com/doc/2006-03-01/'), headers)
}

export function rawXml(body: string, headers: OutgoingHttpHeaders = {}): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body }
}

export function refusalAnswer(refusal: Refusal, requestId: string, resource: string): Answer {
  const { code, message, details } = refusal
  const body = renderXml('Error', {
    Code: code,
    Message: message,
    ...details,
    Resource: resource,
    RequestId: requestId,
  })
  const range = code === 'InvalidRange' ? { 'content-range': `bytes */${details['ActualObjectSize'] ?? ''}` } : {}
  return { status: refusal.status, headers: { 'content-type': 'application/xml', ...range }, body }
}

/** Sends the response; for HEAD only the headers. Resolves when it is sent, rejects if the client disconnects. */
export async function send(answer: Answer, response: ServerResponse, headOnly: boolean): Promise<void> {
  const { status, headers, body } = answer
  const length = typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}
  response.writeHead(status, { ...length, ...headers })
  if (body === undefined || headOnly) response.end()
  else if (typeof body === 'string') response.end(body)
  else await pipeline(body, response)
}
