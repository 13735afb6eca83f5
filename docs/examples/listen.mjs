// Follows channels with a plain socket.io-client and prints what happens there, each thing once and in order, whatever
// happens to the connection. Our client package does the same and more.
//   node docs/examples/listen.mjs http://localhost:3000 "$ANN" user:<id> track:<id> …
import { io } from 'socket.io-client'

const [url, token, ...channels] = process.argv.slice(2)
const socket = io(url, { auth: { token }, transports: ['websocket'] })
/** By channel: the place of the last event that was printed, and the frames that came before the answer to a follow. */
const places = new Map()
const queued = new Map()

async function follow(channel) {
  if (queued.has(channel)) return
  queued.set(channel, [])
  const { data, error } = await socket.emitWithAck('channel.follow', { input: { channel, after: places.get(channel) } })
  const frames = queued.get(channel) ?? []
  queued.delete(channel)
  if (error) return console.log(`${channel}: ${error.code}`)
  if (!places.has(channel)) console.log(`following ${channel}`)
  else if (!data.recovered) console.log(`${channel}: something was missed for good, a snapshot is needed`)
  if (!data.recovered) places.set(channel, { epoch: data.epoch, offset: data.latestOffset })
  hear({ channel, epoch: data.epoch, events: data.events })
  frames.forEach(hear)
  if (data.hasMore) void follow(channel)
}

function hear(frame) {
  const { channel, epoch, events } = frame
  if (queued.has(channel)) return queued.get(channel).push(frame)
  for (const { offset, name, data } of events) {
    const place = places.get(channel)
    if (epoch === place.epoch && offset <= place.offset) continue
    if (epoch !== place.epoch || offset > place.offset + 1) return follow(channel)
    place.offset = offset
    print(channel, name, data)
  }
}

const print = (channel, name, data) =>
  console.log(`${channel.slice(0, 12)}…  ${name}  ${JSON.stringify(data).slice(0, 90)}…`)

socket.on('connect', () => {
  queued.clear()
  channels.forEach(follow)
})
socket.on('events', hear)
socket.on('state', ({ channel, values }) => print(channel, 'state', values))
socket.on('resync', ({ channels: behind }) => behind.forEach(follow))
socket.on('channel.closed', ({ channel, problem }) => console.log(`${channel}: ${problem.code}`))
socket.on('connect_error', error => console.log('refused:', error.data?.code ?? error.message))
socket.on('connection.closed', problem => console.log('closed:', problem.code))
