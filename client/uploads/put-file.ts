/** A presigned PUT: its URL, and the headers that the signature covers. */
export interface SignedPut {
  url: string
  headers: Record<string, string>
}

const chunkBytes = 64 * 1024

type Progress = (sentBytes: number) => void

/** PUTs a file with exactly the signed headers; returns the HTTP status. @throws Error without a response, or when the signal aborts */
export const putFile = (target: SignedPut, file: Blob, onProgress: Progress, signal?: AbortSignal): Promise<number> =>
  typeof XMLHttpRequest === 'undefined'
    ? putWithFetch(target, file, onProgress, signal)
    : putWithXhr(new XMLHttpRequest(), target, file, onProgress, signal)

/** Node: streams the file with `fetch`, which accepts the `content-length` that S3 requires. */
async function putWithFetch(
  { url, headers }: SignedPut,
  file: Blob,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<number> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': String(file.size) },
    body: chunksOf(file, onProgress),
    duplex: 'half',
    ...(signal && { signal }),
  })
  await response.body?.cancel()
  return response.status
}

async function* chunksOf(file: Blob, onRead: Progress): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < file.size; at += chunkBytes) {
    const end = Math.min(at + chunkBytes, file.size)
    yield new Uint8Array(await file.slice(at, end).arrayBuffer())
    onRead(end)
  }
}

/** Browsers: `fetch` has no upload progress, so use XMLHttpRequest. */
function putWithXhr(
  request: Xhr,
  { url, headers }: SignedPut,
  file: Blob,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    request.open('PUT', url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded }) => onProgress(loaded)
    request.onload = () => resolve(request.status)
    request.onerror = request.onabort = () => reject(new Error('the object store could not be reached'))
    const abort = () => request.abort()
    signal?.addEventListener('abort', abort)
    request.onloadend = () => signal?.removeEventListener('abort', abort)
    request.send(file)
    if (signal?.aborted) request.abort()
  })
}

/** The used part of XMLHttpRequest: these sources compile without DOM types. */
interface Xhr {
  readonly status: number
  readonly upload: { onprogress: ((progress: { loaded: number }) => void) | null }
  onload: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
  onloadend: (() => void) | null
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  send(body: Blob): void
  abort(): void
}

declare const XMLHttpRequest: (new () => Xhr) | undefined
