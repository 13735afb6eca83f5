import { S3Error } from './errors'
import { Scanner } from './scanner'

export interface UploadForm {
  /** All fields but the file; names in lower case. */
  fields: Map<string, string>
  filename: string
  /** Streams the file; throws if the body ends within it. Fields after the file are ignored, as in S3. */
  file: AsyncIterable<Buffer>
}

/** Reads a multipart/form-data body (RFC 7578) up to the file, which is streamed on demand. */
export async function readUploadForm(contentType: string, source: AsyncIterable<unknown>): Promise<UploadForm> {
  const found = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  const boundary = found?.[1] ?? found?.[2]
  if (boundary === undefined) throw new S3Error('MalformedPOSTRequest')
  const scanner = new Scanner(source)
  if ((await scanner.readLine(lineBytesMax)) !== `--${boundary}`) throw new S3Error('MalformedPOSTRequest')
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  const fields = new Map<string, string>()
  let budget = fieldBytesMax
  for (;;) {
    const { name, filename } = await readPartHead(scanner)
    if (name === 'file') return { fields, filename: filename ?? '', file: readFile(scanner, delimiter) }
    const value = await readValue(scanner, delimiter, budget)
    budget -= name.length + value.length
    if (fields.has(name)) throw new S3Error('InvalidArgument', `POST requires one ${name} per request.`)
    fields.set(name, value.toString())
    const afterBoundary = await scanner.readLine(lineBytesMax)
    if (afterBoundary === '') continue
    throw afterBoundary?.startsWith('--') === true || afterBoundary === undefined
      ? new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', { ArgumentName: 'file' })
      : new S3Error('MalformedPOSTRequest')
  }
}

const lineBytesMax = 8192
const fieldBytesMax = 20_000

async function readPartHead(scanner: Scanner): Promise<{ name: string; filename: string | undefined }> {
  let disposition: string | undefined
  for (let count = 0; count < 16; count++) {
    const line = await scanner.readLine(lineBytesMax)
    if (line === undefined) break
    if (line !== '') {
      if (/^content-disposition:/i.test(line)) disposition = Buffer.from(line, 'latin1').toString()
      continue
    }
    const name = parameter(disposition ?? '', 'name')
    if (name === undefined) break
    return { name: name.toLowerCase(), filename: parameter(disposition ?? '', 'filename') }
  }
  throw new S3Error('MalformedPOSTRequest')
}

// Browsers encode quotes and line breaks in names as %22, %0D and %0A (HTML standard, multipart/form-data encoding).
function parameter(disposition: string, name: string): string | undefined {
  const value = new RegExp(`;\\s*${name}="([^"]*)"`, 'i').exec(disposition)?.[1]
  return value?.replace(/%(22|0D|0A)/g, whole => decodeURIComponent(whole))
}

async function readValue(scanner: Scanner, delimiter: Buffer, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const value = scanner.readUntil(delimiter)
  let step = await value.next()
  for (; step.done !== true; step = await value.next()) {
    size += step.value.length
    if (size > bytesMax) throw new S3Error('MaxPostPreDataLengthExceeded')
    chunks.push(step.value)
  }
  if (!step.value) throw new S3Error('MalformedPOSTRequest')
  return Buffer.concat(chunks)
}

async function* readFile(scanner: Scanner, delimiter: Buffer): AsyncGenerator<Buffer> {
  const isComplete = yield* scanner.readUntil(delimiter)
  if (!isComplete) throw new S3Error('MalformedPOSTRequest')
  await scanner.drain()
}
