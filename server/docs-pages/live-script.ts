import { apiRoot } from '../rest'

/** Renders the AsyncAPI document. Inserts text as text nodes only, never as markup. */
export const liveScript = `'use strict'

const at = id => document.getElementById(id)

function element(name, attributes, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

/** Renders words between backticks as code. */
const prose = text => text.split('\`').map((part, index) => (index % 2 === 0 ? part : element('code', {}, part)))

const nameOf = reference => reference.split('/').at(-1)

/** A schema in TypeScript notation: a list of texts and of links to named schemas. */
function typeOf(schema, indent = '') {
  if (schema === undefined) return ['nothing']
  if (schema.$ref) return [element('a', { href: '#' + nameOf(schema.$ref) }, nameOf(schema.$ref))]
  const choice = schema.anyOf ?? schema.oneOf
  if (choice) return joined(choice.map(one => typeOf(one, indent)), ' | ')
  if ('const' in schema) return [JSON.stringify(schema.const)]
  if (schema.enum) return [schema.enum.map(value => JSON.stringify(value)).join(' | ')]
  if (Array.isArray(schema.type)) return joined(schema.type.map(type => typeOf({ ...schema, type }, indent)), ' | ')
  if (schema.type === 'array') return [...typeOf(schema.items ?? {}, indent), '[]']
  if (schema.type === 'object') return objectType(schema, indent)
  return [schema.type ?? 'anything']
}

function objectType({ properties = {}, patternProperties, required = [] }, indent) {
  if (patternProperties) return ['{ [key]: ', ...Object.values(patternProperties).flatMap(value => typeOf(value)), ' }']
  const lines = Object.entries(properties).flatMap(([key, value]) => [
    indent + '  ' + key + (required.includes(key) ? ': ' : '?: '),
    ...typeOf(value, indent + '  '),
    note(value),
    '\\n',
  ])
  return lines.length === 0 ? ['{}'] : ['{\\n', ...lines, indent + '}']
}

/** Constraints that a type does not show: the format and the range. */
function note({ type, format, minimum, maximum, minLength, maxLength }) {
  const isText = [type].flat().includes('string')
  const low = isText ? minLength : minimum
  const high = isText ? maxLength : maximum
  const range = high === undefined || high === Number.MAX_SAFE_INTEGER ? '' : (low ?? 0) + '..' + high
  const text = format ?? (isText && range !== '' ? range + ' characters' : range)
  return text === '' ? '' : element('small', {}, '  ' + text)
}

const joined = (lists, between) => lists.flatMap((list, index) => (index === 0 ? list : [between, ...list]))

const block = (title, schema) => [element('h4', {}, title), element('pre', {}, ...typeOf(schema))]

/** The recorded example of a message, as JSON. */
const exampleBlock = (title, { examples = [] }) =>
  examples.flatMap(({ payload }) => [element('h4', {}, title), element('pre', {}, JSON.stringify(payload, null, 2))])

const entry = (id, name, summary, ...inside) =>
  element('details', { id, class: 'entry' }, element('summary', {}, element('code', {}, name), ' ', ...prose(summary)), ...inside)

function callEntry(name, { summary, description }, messages) {
  const sent = messages[name].payload.properties
  const answer = messages[name + '.ack'].payload.oneOf[0]
  const key = sent.key ? [element('p', {}, 'Takes an idempotency key: a call with the same key returns the answer of the first.')] : []
  const terms = description ? [element('p', {}, ...prose(description))] : []
  const schemas = [...block('input', sent.input), ...block('answer', answer)]
  const examples = [...exampleBlock('example', messages[name]), ...exampleBlock('example answer', messages[name + '.ack'])]
  return entry(name, name, summary, ...terms, ...key, ...schemas, ...examples)
}

/** Messages of the protocol have a payload of their own; events arrive within the frame \`events\`, so show their data. */
const messageEntry = (name, { summary, description, tags }, messages) => {
  const { payload } = messages[name]
  const [{ name: group }] = tags
  const terms = description ? [element('p', {}, ...prose(description))] : []
  const isProtocol = group === 'protocol'
  const schema = isProtocol ? block('message', payload) : block('data', payload.properties.data)
  const example = exampleBlock('example', messages[name])
  return entry(isProtocol ? 'message.' + name : name, name, summary, ...terms, ...schema, ...example)
}

/** Groups entries under a heading per skill, and one for the protocol. */
function grouped(entries) {
  const groups = new Map()
  for (const [group, one] of entries) groups.set(group, [...(groups.get(group) ?? []), one])
  return [...groups].map(([group, list]) => element('div', { class: 'group' }, element('h3', {}, group), ...list))
}

/** A channel's snapshot, state and signals. */
const extrasOf = ({ snapshot, state, presence, signals }) =>
  [
    ['snapshot', snapshot ? [snapshot] : []],
    ['state', [...state.map(({ key }) => key), ...(presence ? ['presence'] : [])]],
    ['signals', signals.map(({ name }) => name)],
  ]
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => what + ': ' + names.map(name => '\`' + name + '\`').join(', '))
    .join('; ')

/** Examples of a channel's state values and signals. */
const extraExamples = ({ state, signals }) =>
  [...state.map(({ key, example }) => [key, example]), ...signals.map(({ name, example }) => [name, example])]
    .filter(([, example]) => example !== undefined)
    .map(([name, example]) => element('pre', {}, name + ': ' + JSON.stringify(example)))

const closeReason = ({ code, status, description, reconnect }) => [
  element('dt', {}, element('code', {}, code), ' ' + status),
  element('dd', {}, ...prose(description), ' ', ...prose(reconnect), '.'),
]

function show(doc) {
  const { messages } = doc.channels.socket
  const operations = Object.entries(doc.operations)
  const made = (action, make) =>
    grouped(
      operations
        .filter(([, one]) => one.action === action)
        .map(([name, one]) => [one.tags[0].name, make(name, one, messages)]),
    )
  at('about').append(...prose(doc.info.description))
  at('channels').append(
    element('dl', {}, ...doc['x-channels'].flatMap(channel => [
      element('dt', {}, element('code', {}, channel.name)),
      element('dd', {}, ...prose([channel.summary + '.', channel.description, extrasOf(channel)].filter(Boolean).join(' ')), ...extraExamples(channel)),
    ])),
  )
  at('calls').append(...made('receive', callEntry))
  at('events').append(...made('send', messageEntry))
  at('closeReasons').append(element('dl', {}, ...doc['x-closeReasons'].flatMap(closeReason)))
  const schemas = Object.entries(doc.components.schemas)
  at('shapes').append(...schemas.map(([name, schema]) => entry(name, name, '', element('pre', {}, ...typeOf(schema)))))
}

/** Opens the entry that the URL's hash names, as when a link to a schema is followed. */
function openTarget() {
  const target = at(decodeURIComponent(location.hash.slice(1)))
  if (!(target instanceof HTMLDetailsElement)) return
  target.open = true
  target.scrollIntoView()
}

function filter() {
  const words = at('filter').value.toLowerCase().split(/\\s+/)
  for (const one of document.querySelectorAll('.entry')) {
    const text = one.firstChild.textContent.toLowerCase()
    one.hidden = !words.every(word => text.includes(word))
  }
  for (const group of document.querySelectorAll('.group')) group.hidden = !group.querySelector('.entry:not([hidden])')
}

fetch('${apiRoot}/asyncapi.json')
  .then(response => response.json())
  .then(doc => {
    show(doc)
    openTarget()
    at('filter').addEventListener('input', filter)
    addEventListener('hashchange', openTarget)
  })
  .catch(error => at('about').append('Could not load the document: ' + error))
`
