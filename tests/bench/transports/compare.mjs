// Compares transports and servers, and prints what the README shows. See `run`.
import { claims } from './claims.mjs'
import { alone, rounds, together } from './fan.mjs'

const [seconds = 5, count = 3] = process.argv.slice(2, 4).map(Number)
const wanted = process.argv.slice(4)

// On weft the writers POST whatever the readers do: the same edits for all transports.
const weft = {
  'weft SSE': { server: 'weft', transport: 'sse' },
  'weft WebSocket': { server: 'weft', transport: 'websocket', flags: { post: 1 } },
  'weft long poll': { server: 'weft', transport: 'long-poll' }
}
const polls = { 'weft poll, 1 s': { server: 'weft', transport: 'poll' } }
const nchan = { 'nchan SSE': { server: 'nchan', transport: 'nchan-sse' } }
const nchanMore = {
  'nchan WebSocket': { server: 'nchan', transport: 'nchan-websocket' },
  'nchan long poll': { server: 'nchan', transport: 'nchan-long-poll' }
}
const sockets = {
  Hocuspocus: { server: 'hocuspocus', transport: 'hocuspocus' },
  'y-websocket': { server: 'y-websocket', transport: 'websocket' }
}
const floor = { floor: { server: 'floor', transport: 'sse' } }
const columns = Object.keys({ ...weft, ...polls, ...nchan, ...nchanMore, ...sockets, ...floor })

const number = (value, digits = 0) => Number.isFinite(value)
  ? value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  : ''
const row = (what, results, figure) => `| ${what} | ${columns.map(name => {
  const found = results[name]
  return found === undefined ? '' : found === null ? 'failed' : figure(found, name)
}).join(' | ')} |`

// To three digits: what of it is the server's, whatever else the machine does.
const perCpu = r => number(Number((1e6 / r.cpu_s_per_million).toPrecision(3)))

const works = {
  async steady() {
    const all = await rounds(count, 'steady', { ...weft, ...polls, ...nchan, ...nchanMore, ...sockets, ...floor },
      { readers: 1000, seconds })
    return [
      row('20 events/s to 1,000 readers: latency p50', all, r => `${number(r.p50_us / 1000, 1)} ms`),
      row('p99', all, r => `${number(r.p99_us / 1000, 1)} ms`),
      row('CPU seconds per million deliveries', all, r => number(r.cpu_s_per_million, 1)),
      row('bytes to a reader per event', all, r => number(r.bytes_in_per_event)),
      row('bytes from a reader per event', all, r => number(r.bytes_out_per_event)),
      row('requests per event', all, r => number(r.requests_per_event, 2))
    ]
  },
  async saturated() {
    const all = await rounds(count, 'saturate', { ...weft, ...nchan, ...sockets, ...floor }, { readers: 1000, writers: 32, seconds })
    return [row('as fast as it goes, 32 events in flight, 1,000 readers: deliveries/s', all, r => number(r.deliveries_per_s)),
      row('deliveries per second of processor time', all, perCpu)]
  },
  async documents() {
    const all = await rounds(count, 'saturate', { ...weft, ...nchan, ...sockets },
      { readers: 5000, documents: 500, writers: 1, seconds })
    return [row('the same, 500 documents with 10 readers each: deliveries/s', all, r => number(r.deliveries_per_s)),
      row('deliveries per second of processor time', all, perCpu)]
  },
  async writes() {
    const posted = { readers: 0, documents: 50, writers: 16, seconds }
    const onSockets = { ...posted, writers: 1, depth: 16 }
    const byPost = await rounds(count, 'saturate', { 'weft SSE': weft['weft SSE'], ...nchan }, posted)
    const bySocket = await rounds(count, 'saturate',
      { 'weft WebSocket': { server: 'weft', transport: 'websocket' }, ...sockets }, onSockets)
    const all = { ...byPost, ...bySocket }
    return [row('50 documents, 16 writes in flight each, no readers: acknowledged writes/s', all, r => number(r.writes_per_s)),
      row('acknowledged writes per second of processor time', all,
        r => number(Number((r.writes_per_s / r.server_busy).toPrecision(3))))]
  },
  async idle() {
    const flags = { readers: 10000, documents: 10, writers: 0 }
    const { Hocuspocus, ...others } = { ...weft, ...nchan, ...sockets }
    // Hocuspocus ends who says nothing for a minute.
    const all = {
      ...await together('idle', others, { ...flags, seconds: 60 }),
      ...await together('idle', { Hocuspocus }, { ...flags, seconds: 10 })
    }
    return [
      row('bytes of memory per idle reader, of 10,000', all, r => number(r.bytes_per_reader)),
      row('times that an idle reader is woken in a minute', all, r => number(r.wake_ups_per_minute, 1))
    ]
  },
  async cut() {
    const all = await rounds(count, 'cut',
      { ...weft, ...polls, ...nchan, 'nchan long poll': nchanMore['nchan long poll'], ...sockets }, { readers: 5000, missed: 100 })
    return [
      row('5,000 readers cut off, 100 events later all come back at once: until all have caught up', all,
        r => `${number(r.caught_up_ms / 1000, 2)} s`),
      row('bytes to each for that', all, r => number(r.bytes_in_per_reader))
    ]
  },
  async stalled() {
    // 25 MB, of which the document keeps next to nothing; what the server grows by when nobody stalls is not the stalled one's.
    const flags = { readers: 20, events: 6250, permille: 400000, 'text-len': 4000, replace: 1 }
    const some = { 'weft SSE': weft['weft SSE'], 'weft WebSocket': weft['weft WebSocket'], ...nchan, ...sockets }
    const none = await alone(count, 'stall', some, { ...flags, stalled: 0 })
    const one = await alone(count, 'stall', some, { ...flags, stalled: 1 })
    return [
      row('one of 20 readers stops reading, 25 MB go by: the server grows by', one,
        (r, name) => none[name] ? `${number((r.growth_bytes - none[name].growth_bytes) / 1e6, 1)} MB` : ''),
      row("the others' latency p99, and when nobody stops", one,
        (r, name) => none[name] ? `${number(r.others_p99_us / 1000, 1)}, ${number(none[name].others_p99_us / 1000, 1)} ms` : '')
    ]
  }
}

const lines = []
for (const [name, work] of Object.entries(works)) {
  if (wanted.length === 0 || wanted.includes(name)) lines.push(...await work())
}
if (lines.length > 0) {
  console.log(`| | ${columns.join(' | ')} |\n|${' --- |'.repeat(columns.length + 1)}`)
  console.log(lines.join('\n'))
}
if (wanted.length === 0 || wanted.includes('claims')) console.log(`\n${await claims(seconds, count)}`)
