import { Agent, get } from 'node:http'
import { median, spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { measurePairs } from '../measure-pairs'
import { type RunningServer } from '../start-server'
import { atMost, type Scenario } from './scenario'

const calls = 1_500
const atOnce = 16
/** Enough connections that none exceeds the call rate limit. */
const callers = 400

/** CPU per call over REST and the socket, compared with a bare handler that runs the same query. */
export const callsOverBothTransports: Scenario = {
  name: 'calls',
  figures: [
    { name: 'rest-call', title: 'CPU per REST read, one query', unit: '×', goal: atMost(1.8) },
    { name: 'socket-call', title: 'CPU per acknowledged socket call, one query', unit: '×', goal: atMost(2.2) },
  ],

  async measure(lab) {
    const [ours, bare] = [await lab.startServer('tutti'), await lab.startServer('bare')]
    const measured = []
    for (const [name, open] of [
      ['rest-call', restCaller],
      ['socket-call', socketCaller],
    ] as const) {
      const ourCaller = await open(lab, ours)
      const bareCaller = await open(lab, bare)
      const { pairs, remarks } = await measurePairs({
        ours: () => costOf(ours, ourCaller),
        baseline: () => costOf(bare, bareCaller),
      })
      ourCaller.end()
      bareCaller.end()
      measured.push({
        name,
        result: spreadOf(pairs.map(pair => pair.ours / pair.baseline)),
        ours: `${median(pairs.map(pair => pair.ours)).toFixed(0)} µs`,
        baseline: `${median(pairs.map(pair => pair.baseline)).toFixed(0)} µs`,
        remarks,
      })
    }
    for (const subject of [ours, bare]) await subject.stop()
    return measured
  },
}

/** CPU time of the server per call, in microseconds. */
async function costOf(subject: RunningServer, caller: Caller): Promise<number> {
  let left = calls
  const work = async () => {
    while (left-- > 0) await caller.call()
  }
  return (await subject.measureCpu(() => Promise.all(Array.from({ length: atOnce }, work)))) / calls
}

interface Caller {
  call: () => Promise<void>
  end: () => void
}

async function tokenOf(lab: TestBench): Promise<string> {
  const [person = { id: '', subject: '' }] = lab.people
  return lab.token(person)
}

async function restCaller(lab: TestBench, { port }: RunningServer): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const headers = { authorization: `Bearer ${await tokenOf(lab)}` }
  const options = { host: '127.0.0.1', port, path: '/api/v1/me', agent, headers }
  return {
    call: () =>
      new Promise((resolve, reject) => {
        get(options, response => {
          response.resume().on('end', resolve)
          if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
        }).on('error', reject)
      }),
    end: () => agent.destroy(),
  }
}

async function socketCaller(lab: TestBench, subject: RunningServer): Promise<Caller> {
  const clients = await lab.connectClients(subject, callers)
  let next = 0
  const call = async () => {
    await clients[next++ % callers]?.callOrThrow('user-profile.getMe', {})
  }
  const end = () => {
    for (const client of clients) client.terminate()
  }
  return { call, end }
}
