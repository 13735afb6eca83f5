/** Where to, and the headers that its signature holds. */
export interface PutPlace {
  url: string
  headers: Record<string, string>
}

const pieceBytes = 64 * 1024

type Progress = (sentBytes: number) => void

/** PUTs a file with exactly these headers; answers the HTTP status. @throws Error when there is no answer, or the signal aborts. */
export const putFile = (place: PutPlace, file: Blob, onProgress: Progress, signal?: AbortSignal): Promise<number> =>
  typeof XMLHttpRequest === 'undefined'
    ? putByFetch(place, file, onProgress, signal)
    : putByRequest(new XMLHttpRequest(), place, file, onProgress, signal)

/** Node: its `fetch` takes the file piece by piece, and lets us say the length beforehand, which S3 insists on. */
async function putByFetch(
  { url, headers }: PutPlace,
  file: Blob,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<number> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': String(file.size) },
    body: piecesOf(file, onProgress),
    duplex: 'half',
    ...(signal && { signal }),
  })
  await response.body?.cancel()
  return response.status
}

async function* piecesOf(file: Blob, onTaken: Progress): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < file.size; at += pieceBytes) {
    const end = Math.min(at + pieceBytes, file.size)
    yield new Uint8Array(await file.slice(at, end).arrayBuffer())
    onTaken(end)
  }
}

/** Browsers: only this old interface of theirs tells how far a body has got. */
function putByRequest(
  request: BrowserRequest,
  { url, headers }: PutPlace,
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

/** As much of the browser's class as is used here: these sources compile without the types of browsers. */
interface BrowserRequest {
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

declare const XMLHttpRequest: (new () => BrowserRequest) | undefined
