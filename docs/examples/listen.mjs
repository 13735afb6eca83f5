// Follows channels with a plain socket.io-client and prints what happens there.
//   node docs/examples/listen.mjs http://localhost:3000 "$ANN" user:<id> track:<id> …
import { io } from 'socket.io-client'

const [url, token, ...channels] = process.argv.slice(2)
const socket = io(url, { auth: { token }, transports: ['websocket'] })

socket.on('connect', async () => {
  for (const channel of channels) {
    const { error } = await socket.emitWithAck('channel.follow', { input: { channel } })
    console.log(error ? `${channel}: ${error.code}` : `following ${channel}`)
  }
})
socket.on('connect_error', error => console.log('refused:', error.data?.code ?? error.message))
socket.on('session.closed', problem => console.log('closed:', problem.code))
socket.on('events', ({ channel, events }) => {
  for (const { name, data } of events)
    console.log(`${channel.slice(0, 12)}…  ${name}  ${JSON.stringify(data).slice(0, 90)}…`)
})
