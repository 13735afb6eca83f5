import { type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type S3Error } from './errors'
import { renderXml, type XmlFields } from './xml'

export interface S3Response {
  status: number
  headers: OutgoingHttpHeaders
  body?: string | Readable
}

export function emptyResponse(status: number, headers: OutgoingHttpHeaders = {}): S3Response {
  return { status, headers }
}

export function xmlResponse(root: string, fields: XmlFields, headers: OutgoingHttpHeaders = {}): S3Response {
  return rawXmlResponse(renderXml(root, fields, 'http://s3.amazonaws.com/doc/2006-03-01/'), headers)
}

export function rawXmlResponse(body: string, headers: OutgoingHttpHeaders = {}): S3Response {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body }
}

/** An ETag as it is sent. */
export const quoted = (etag: string) => `"${etag}"`

export function errorResponse(refusal: S3Error, requestId: string, resource: string): S3Response {
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
export async function sendResponse(answer: S3Response, response: ServerResponse, headOnly: boolean): Promise<void> {
  const { status, headers, body } = answer
  const length = typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}
  response.writeHead(status, { ...length, ...headers })
  if (body === undefined || headOnly) response.end()
  else if (typeof body === 'string') response.end(body)
  else await pipeline(body, response)
}
