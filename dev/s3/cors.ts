import { type OutgoingHttpHeaders } from 'node:http'
import { type S3Response, emptyResponse } from './response'
import { type S3Request } from './request'
import { S3Error } from './errors'
import { childrenOf, parseXml, textOf, type XmlNode } from './xml'

interface CorsRule {
  origins: string[]
  methods: string[]
  allowedHeaders: string[]
  exposedHeaders: string[]
  maxAgeS: string | undefined
}

export function readCorsRules(xml: string): CorsRule[] {
  const root = parseXml(xml)
  const rules = childrenOf(root, 'CORSRule').map(readRule)
  if (root.name !== 'CORSConfiguration' || rules.length === 0 || rules.length > 100) throw new S3Error('MalformedXML')
  return rules
}

/** Responds to a CORS preflight, which has no signature. */
export function respondToPreflight(request: S3Request, cors: string | undefined): S3Response {
  const { headers } = request
  const origin = headers.get('origin')
  const method = headers.get('access-control-request-method')
  if (origin === undefined) {
    throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.')
  }
  if (method === undefined || !corsMethods.includes(method)) {
    throw new S3Error('BadRequest', `Invalid Access-Control-Request-Method: ${method ?? 'null'}`)
  }
  if (cors === undefined) throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.')
  const requestedHeaders = splitList(headers.get('access-control-request-headers'))
  const rule = readCorsRules(cors).find(
    candidate =>
      permits(candidate, origin, method) &&
      requestedHeaders.every(name =>
        candidate.allowedHeaders.some(pattern => matchesWildcard(pattern.toLowerCase(), name)),
      ),
  )
  if (!rule) throw new S3Error('AccessForbidden')
  return emptyResponse(200, {
    ...ruleHeaders(rule, origin),
    ...(requestedHeaders.length > 0 && { 'access-control-allow-headers': requestedHeaders.join(', ') }),
    ...(rule.maxAgeS !== undefined && { 'access-control-max-age': rule.maxAgeS }),
  })
}

/** The CORS headers of a response; none if no rule allows the origin. */
export function corsHeaders(request: S3Request, cors: string | undefined): OutgoingHttpHeaders {
  const origin = request.headers.get('origin')
  if (origin === undefined || cors === undefined || request.method === 'OPTIONS') return {}
  const rule = readCorsRules(cors).find(candidate => permits(candidate, origin, request.method))
  return rule ? ruleHeaders(rule, origin) : {}
}

const corsMethods = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']

function readRule(node: XmlNode): CorsRule {
  const list = (name: string) => childrenOf(node, name).map(child => child.text.trim())
  const rule = {
    origins: list('AllowedOrigin'),
    methods: list('AllowedMethod'),
    allowedHeaders: list('AllowedHeader'),
    exposedHeaders: list('ExposeHeader'),
    maxAgeS: textOf(node, 'MaxAgeSeconds'),
  }
  if (rule.origins.length === 0 || rule.methods.length === 0) throw new S3Error('MalformedXML')
  const unknown = rule.methods.find(method => !corsMethods.includes(method))
  if (unknown !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      `Found unsupported HTTP method in CORS config. Unsupported method is ${unknown}`,
    )
  }
  for (const pattern of [...rule.origins, ...rule.allowedHeaders]) {
    if (pattern.split('*').length > 2) {
      throw new S3Error('InvalidRequest', `"${pattern}" can not have more than one wildcard.`)
    }
  }
  if (rule.maxAgeS !== undefined && !/^\d{1,9}$/.test(rule.maxAgeS)) throw new S3Error('MalformedXML')
  return rule
}

function permits(rule: CorsRule, origin: string, method: string): boolean {
  return rule.methods.includes(method) && rule.origins.some(pattern => matchesWildcard(pattern, origin))
}

function matchesWildcard(pattern: string, text: string): boolean {
  const [head = '', tail] = pattern.split('*')
  if (tail === undefined) return pattern === text
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail)
}

function splitList(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
}

function ruleHeaders(rule: CorsRule, origin: string): OutgoingHttpHeaders {
  const anyOrigin = rule.origins.includes('*')
  return {
    'access-control-allow-origin': anyOrigin ? '*' : origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(rule.exposedHeaders.length > 0 && { 'access-control-expose-headers': rule.exposedHeaders.join(', ') }),
    ...(!anyOrigin && { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  }
}
