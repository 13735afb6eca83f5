import { type ServerResponse } from 'node:http'

/** Sends an error document in the format that CloudFront and S3 share, with their codes and messages. */
export function sendError(response: ServerResponse, status: number, code: keyof typeof messages): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${messages[code]}</Message></Error>`
  response.writeHead(status, { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

const messages = {
  AccessDenied: 'Access denied',
  BadGateway: 'The origin did not answer as expected',
  InvalidKey: 'Unknown Key',
  InvalidRange: 'The requested range is not satisfiable',
  InvalidURI: "Couldn't parse the specified URI.",
  MalformedPolicy: 'Malformed Policy',
  MalformedSignature: 'Could not unencode Signature',
  MethodNotAllowed: 'The specified method is not allowed against this resource.',
  MissingKey: 'Missing Key-Pair-Id query parameter or cookie value',
  NoSuchKey: 'The specified key does not exist.',
  PreconditionFailed: 'At least one of the pre-conditions you specified did not hold',
}
