import { type IncomingMessage } from 'node:http'
import { S3Error } from './errors'

/** A parsed request, not yet authenticated. Header names are lower case; repeated headers are joined by commas. */
export interface S3Request {
  method: string
  /** The decoded path as sent, which the signature covers; virtual-host requests have no bucket in it. */
  path: string
  bucket: string | undefined
  key: string | undefined
  pairs: readonly (readonly [name: string, value: string])[]
  query: ReadonlyMap<string, string>
  headers: ReadonlyMap<string, string>
  /** The raw body, readable once; ending the iteration early keeps the connection open for an error response. */
  body: AsyncIterableIterator<unknown>
}

/** Parses URL and headers, path-style (`/bucket/key`) or virtual-host-style (`bucket.localhost`). */
export function parseRequest(request: IncomingMessage): S3Request {
  const url = request.url ?? '/'
  if (!url.startsWith('/')) throw new S3Error('InvalidURI')
  const mark = url.includes('?') ? url.indexOf('?') : url.length
  const path = decode(url.slice(0, mark))
  const pairs = readPairs(url.slice(mark + 1))
  const headers = new Map<string, string>()
  for (const [name, values] of Object.entries(request.headersDistinct)) headers.set(name, (values ?? []).join(','))
  return {
    method: request.method ?? 'GET',
    path,
    ...splitAddress(path, headers.get('host') ?? ''),
    pairs,
    query: new Map([...pairs].reverse()),
    headers,
    body: request.iterator({ destroyOnReturn: false }),
  }
}

function splitAddress(path: string, host: string): Pick<S3Request, 'bucket' | 'key'> {
  const virtual = /^(.+)\.localhost(?::\d+)?$/i.exec(host)?.[1]
  if (virtual !== undefined) return { bucket: virtual, key: path.slice(1) || undefined }
  const slash = path.indexOf('/', 1)
  if (slash === -1) return { bucket: path.slice(1) || undefined, key: undefined }
  return { bucket: path.slice(1, slash), key: path.slice(slash + 1) || undefined }
}

function readPairs(search: string): (readonly [string, string])[] {
  return search
    .split('&')
    .filter(part => part !== '')
    .map(part => {
      const equals = part.includes('=') ? part.indexOf('=') : part.length
      const decodeForm = (text: string) => decode(text.replaceAll('+', ' '))
      return [decodeForm(part.slice(0, equals)), decodeForm(part.slice(equals + 1))] as const
    })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI')
  }
}
