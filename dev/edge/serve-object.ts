import {
  GetObjectCommand,
  HeadObjectCommand,
  S3ServiceException,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sendError } from './send-error'

/** The bucket behind the edge. */
export interface Origin {
  s3: S3Client
  bucket: string
}

export interface ObjectRequest {
  key: string
  /** The Content-Disposition of the response. */
  contentDisposition: string | undefined
}

/**
 * Streams one object to the viewer with backpressure, whole or the requested range, and evaluates the conditional headers.
 * Aborts the request to the origin when the viewer disconnects.
 *
 * A missing object is 404 NoSuchKey, as for a distribution that may list its bucket; without that permission S3 responds 403.
 */
export async function serveObject(
  { s3, bucket }: Origin,
  { key, contentDisposition }: ObjectRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const disconnected = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) disconnected.abort()
  })
  const options = { abortSignal: disconnected.signal }
  const wanted = { Bucket: bucket, Key: key, ResponseContentDisposition: contentDisposition }

  try {
    if (request.method === 'HEAD') {
      const head = await s3.send(new HeadObjectCommand({ ...wanted, ...conditions(request) }), options)
      response.writeHead(200, headersOf(head)).end()
      return
    }
    const range = await applicableRange(request, () => s3.send(new HeadObjectCommand(wanted), options))
    const object = await s3.send(new GetObjectCommand({ ...wanted, ...conditions(request), ...range }), options)
    response.writeHead(object.ContentRange ? 206 : 200, headersOf(object))
    if (object.Body instanceof Readable) await pipeline(object.Body, response)
    else response.end()
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy()
    else sendOriginError(error, response)
  }
}

type Conditions = Pick<GetObjectCommandInput, 'IfMatch' | 'IfNoneMatch' | 'IfModifiedSince' | 'IfUnmodifiedSince'>

function conditions({ headers }: IncomingMessage): Conditions {
  return {
    IfMatch: headers['if-match'],
    IfNoneMatch: headers['if-none-match'],
    IfModifiedSince: httpDate(headers['if-modified-since']),
    IfUnmodifiedSince: httpDate(headers['if-unmodified-since']),
  }
}

function httpDate(text: string | undefined): Date | undefined {
  const date = new Date(text ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}

/**
 * The range to request from the origin. None unless it is a single byte range (a server may then send the whole object), and
 * none when the `If-Range` validator is out of date, so that no viewer combines two versions of a file.
 */
async function applicableRange(
  { headers }: IncomingMessage,
  head: () => Promise<HeadObjectCommandOutput>,
): Promise<{ Range?: string }> {
  const { range, 'if-range': validator } = headers
  if (range === undefined || !isSingleRange(range)) return {}
  if (validator === undefined) return { Range: range }
  const { ETag, LastModified } = await head()
  return validator === ETag || validator === LastModified?.toUTCString() ? { Range: range } : {}
}

function isSingleRange(range: string): boolean {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  if (first === undefined || last === undefined || first + last === '') return false
  return first === '' || last === '' || Number(first) <= Number(last)
}

function headersOf(object: GetObjectCommandOutput | HeadObjectCommandOutput): OutgoingHttpHeaders {
  return withoutUndefined({
    'Content-Type': object.ContentType,
    'Content-Length': object.ContentLength,
    'Content-Range': object.ContentRange,
    'Content-Disposition': object.ContentDisposition,
    'Content-Encoding': object.ContentEncoding,
    'Content-Language': object.ContentLanguage,
    'Cache-Control': object.CacheControl,
    'Last-Modified': object.LastModified?.toUTCString(),
    'Accept-Ranges': 'bytes',
    ETag: object.ETag,
  })
}

function sendOriginError(error: unknown, response: ServerResponse): void {
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
  const origin = error instanceof S3ServiceException ? (error.$response?.headers ?? {}) : {}
  if (status === 304) {
    const validators = {
      ETag: origin['etag'],
      'Last-Modified': origin['last-modified'],
      'Cache-Control': origin['cache-control'],
    }
    response.writeHead(304, withoutUndefined(validators)).end()
  } else if (status === 404) {
    sendError(response, 404, 'NoSuchKey')
  } else if (status === 412) {
    sendError(response, 412, 'PreconditionFailed')
  } else if (status === 416) {
    const range = origin['content-range']
    if (range !== undefined) response.setHeader('Content-Range', range)
    response.setHeader('Accept-Ranges', 'bytes')
    sendError(response, 416, 'InvalidRange')
  } else {
    sendError(response, 502, 'BadGateway')
  }
}

function withoutUndefined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
}
