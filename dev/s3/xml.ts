import { S3Error } from './errors'

export type XmlValue = string | number | boolean | undefined | XmlFields | XmlValue[]
export interface XmlFields {
  [name: string]: XmlValue
}

/** Serializes a document; an array repeats its element, undefined omits it. */
export function renderXml(root: string, fields: XmlFields, namespace?: string): string {
  const xmlns = namespace === undefined ? '' : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${xmlns}>${renderFields(fields)}</${root}>`
}

export interface XmlNode {
  name: string
  text: string
  children: XmlNode[]
}

/** Parses the simple XML that S3 clients send (no DOCTYPE, no CDATA, prefixes dropped); MalformedXML for anything else. */
export function parseXml(source: string): XmlNode {
  const documentNode: XmlNode = { name: '', text: '', children: [] }
  const open = [documentNode]
  let position = 0
  while (position < source.length) {
    token.lastIndex = position
    const found = token.exec(source)
    if (!found) throw new S3Error('MalformedXML')
    position = token.lastIndex
    const [, closing, name, selfClosing, text] = found
    const parent = open.at(-1)
    if (!parent) throw new S3Error('MalformedXML')
    if (text !== undefined) parent.text += decodeEntities(text)
    else if (name !== undefined && closing) {
      if (parent === documentNode || parent.name !== localName(name)) throw new S3Error('MalformedXML')
      open.pop()
    } else if (name !== undefined) {
      const node = { name: localName(name), text: '', children: [] }
      parent.children.push(node)
      if (!selfClosing) open.push(node)
      if (open.length > depthMax) throw new S3Error('MalformedXML')
    }
  }
  const [root, ...others] = documentNode.children
  if (!root || others.length > 0 || open.length > 1 || documentNode.text.trim() !== '')
    throw new S3Error('MalformedXML')
  return root
}

export function childrenOf(node: XmlNode, name: string): XmlNode[] {
  return node.children.filter(child => child.name === name)
}

export function textOf(node: XmlNode, name: string): string | undefined {
  return node.children.find(child => child.name === name)?.text
}

const depthMax = 16

const token =
  /<(?:\?[^]*?\?>|!--[^]*?-->|(\/)?([\w:.-]+)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/)?>)|([^<]+)/y

const localName = (name: string) => name.slice(name.indexOf(':') + 1)

function decodeEntities(text: string): string {
  return text.replace(/&(#x?[\da-f]+|\w+)?;?/gi, (whole, name: string | undefined) => {
    const plain = name !== undefined && whole.endsWith(';') ? decodeEntity(name) : undefined
    if (plain === undefined) throw new S3Error('MalformedXML')
    return plain
  })
}

function decodeEntity(name: string): string | undefined {
  if (!name.startsWith('#')) return namedEntities.get(name)
  const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10)
  return point <= 0x10ffff ? String.fromCodePoint(point) : undefined
}

const namedEntities = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

function renderFields(fields: XmlFields): string {
  return Object.entries(fields)
    .map(([name, value]) => renderValue(name, value))
    .join('')
}

function renderValue(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map(item => renderValue(name, item)).join('')
  const inner = typeof value === 'object' ? renderFields(value) : escapeText(String(value))
  return `<${name}>${inner}</${name}>`
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\p{Cc}]/gu, control => `&#x${control.charCodeAt(0).toString(16)};`)
}
