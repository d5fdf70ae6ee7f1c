// What is said of the transports, each held against figures: confirmed or refuted.
import { killed, rounds } from './fan.mjs'

const columns = {
  sse: { server: 'weft', transport: 'sse' },
  socket: { server: 'weft', transport: 'websocket', flags: { post: 1 } },
  longPoll: { server: 'weft', transport: 'long-poll' },
  poll: { server: 'weft', transport: 'poll' }
}
const { sse, socket, longPoll, poll } = columns

// What the way takes, in each direction, where it is made long (fan's --transit-ms).
const transitMs = 25

const ms = us => `${(us / 1000).toFixed(1)} ms`
const ratio = (a, b, key) => (a[key] / b[key]).toFixed(2)
// Of an event: what of it is the update itself.
const updateBytes = 30

export const claims = async (seconds, count) => {
  const near = await rounds(count, 'steady', { sse, socket, longPoll }, { readers: 1000, seconds })
  const fast = await rounds(count, 'saturate', { sse, longPoll }, { readers: 1000, writers: 32, seconds })
  const far = await rounds(1, 'steady', { sse, socket, longPoll }, { readers: 100, seconds, 'transit-ms': transitMs })
  const quiet = await rounds(1, 'steady', { poll }, { readers: 100, seconds: 30, permille: 200, browser: 1 })
  const large = await rounds(1, 'steady', { sse, socket }, { readers: 100, seconds, 'text-len': 4000 })
  const after = { sse: await killed(sse, { readers: 1000 }), socket: await killed(socket, { readers: 1000 }) }

  const lines = [
    ['SSE is close to WebSocket in speed', () => {
      const [p50, cpu] = ['p50_us', 'cpu_s_per_million'].map(key => near.sse[key] / near.socket[key])
      return [p50 < 1.25 && cpu < 1.25,
        `20 events/s to 1,000 readers: p50 ${ms(near.sse.p50_us)} to ${ms(near.socket.p50_us)}, CPU ${cpu.toFixed(2)} times`]
    }],
    ['SSE is generally much faster than long polling', () => [near.longPoll.p50_us > 2 * near.sse.p50_us,
      `p50 ${ms(near.sse.p50_us)} to ${ms(near.longPoll.p50_us)}, CPU 1 to ${ratio(near.longPoll, near.sse, 'cpu_s_per_million')}; ` +
      `saturated it delivers ${ratio(fast.sse, fast.longPoll, 'deliveries_per_s')} times as much`]],
    ["a long poll's worst latency is three transits of the network", () => [far.longPoll.p99_us / 1000 / transitMs > 2.7,
      `with ${transitMs} ms each way: p50 ${ms(far.longPoll.p50_us)}, p99 ${ms(far.longPoll.p99_us)}; ` +
      `SSE ${ms(far.sse.p50_us)}, ${ms(far.sse.p99_us)}`]],
    ['polling moves three times as much in headers as in data, and most answers are empty', () => {
      const bytes = quiet.poll.bytes_in_per_event + quiet.poll.bytes_out_per_event
      return [bytes > 4 * updateBytes && quiet.poll.empty_share > 0.5,
        `an event every 5 s, a poll a second, a browser's headers: ${Math.round(quiet.poll.empty_share * 100)} % of the answers are ` +
        `empty; ${Math.round(bytes)} bytes go for ${updateBytes} of update`]
    }],
    ['after a lost WebSocket a client needs its state from elsewhere, an SSE client just resumes', () => [
      after.socket.bytes_in_per_reader > 2 * after.sse.bytes_in_per_reader,
      'the server is killed, 100 events were missed: both resume, the socket with its state vector; ' +
      `${Math.round(after.socket.bytes_in_per_reader)} bytes come to it, ${Math.round(after.sse.bytes_in_per_reader)} over SSE`]],
    ['with SSE any server can resume any client', () => [after.sse.repeated === 0,
      'another process on the same data resumes 1,000 readers by their ids: each event once, none missing']],
    ['text costs SSE a third more bytes', () => {
      const [share, small] = [large, near].map(runs => runs.sse.bytes_in_per_event / runs.socket.bytes_in_per_event)
      return [share > 1.25 && share < 1.45,
        `${share.toFixed(2)} times for updates of 4 KB; ${small.toFixed(1)} times for those of ${updateBytes} bytes, with ids and field names`]
    }]
  ]
  const rows = lines.map(([claim, judge]) => {
    try {
      const [holds, figures] = judge()
      return `| ${claim} | ${holds ? 'confirmed' : 'refuted'} | ${figures} |`
    } catch {
      return `| ${claim} | | a run failed |`
    }
  })
  return ['| what is said | | measured |', '| --- | --- | --- |', ...rows].join('\n')
}
