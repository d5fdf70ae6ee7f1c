// What a long history costs: on disk, to read at any of its events, to open; and what group commits and packing do for writers.
//
//     tests/bench/history/run [DIR]      builds the release program, then runs this
//
// DIR or WEFT_TRACES names the folder with automerge-paper.json.gz (josephg/editing-traces); without it a typist is made up from a seed.
// Each of the trace's 259,778 edits is posted as an event of its own. BENCH_DIR: where the data go (default: build/bench, since /tmp may
// be memory). Prints one table; Yjs under Node is measured in the same run. Cold: the server has just started and the data file is out
// of the page cache. Takes about three minutes.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as Y from 'yjs'
import { randomFrom } from '../../interop/random.mjs'
import { traceNames, traceProgram } from '../engine/traces.mjs'
import { postInOrder } from './post.mjs'
import { Server, dropCache } from './server.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const weft = process.env.WEFT_BIN ?? `${root}build/release/src/weft`
const load = process.env.WEFT_LOAD ?? `${root}build/release/tests/bench/server/bench_load`
const work = process.env.BENCH_DIR ?? `${root}build/bench`
const traces = process.argv[2] ?? process.env.WEFT_TRACES

const MOMENTS = 250
const OPENINGS = 15
// The packer looks once a second; after so many looks without a change it has done what it does.
const QUIET_LOOKS = 3
const LOAD_SECONDS = 5
// A store of this size lets its tail grow to 4 MiB before it packs: some seconds of writing without, then with packing.
const FILLED_BYTES = 64 << 20
const FILL_UPDATE_BYTES = 15 << 20
const PACKING_SECONDS = 40
const SAMPLE_MS = 250
// Packing is taken to go on so many samples around each in which something was packed.
const PACKING_AROUND = 3

// ---- numbers ----

const rows = []
const row = (what, value, note = '') => {
  rows.push([what, value, note])
  console.error(`${what}: ${value}${note && ` (${note})`}`)
}
const sorted = values => values.slice().sort((a, b) => a - b)
const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))]
const median = values => quantile(values, 0.5)
const ms = value => `${value.toFixed(2)} ms`
const kb = bytes => `${(bytes / 1000).toFixed(1)} kB`
const times = ratio => `${ratio.toFixed(2)} x Yjs`
const spread = values => `median ${ms(median(values))}, p99 ${ms(quantile(values, 0.99))}, worst ${ms(Math.max(...values))}`
const wait = time => new Promise(resolve => setTimeout(resolve, time))
const octets = { 'content-type': 'application/octet-stream' }

// ---- the trace ----

/** The updates of the trace's edits, and the document that they make. */
const makeUpdates = () => {
  const { program } = traceProgram(traceNames[0], traces)
  const doc = new Y.Doc()
  doc.clientID = program.clients[0]
  const updates = []
  doc.on('update', update => updates.push(update))
  const text = doc.getText('text')
  for (const { patches } of program.steps) {
    doc.transact(() => {
      for (const [at, deleted, inserted] of patches) {
        if (deleted) text.delete(at, deleted)
        if (inserted) text.insert(at, inserted)
      }
    })
  }
  return { updates, doc }
}

/** How long Yjs takes to load a state; it has loaded some before. */
const yjsLoad = state => {
  const doc = new Y.Doc()
  const began = performance.now()
  Y.applyUpdate(doc, state)
  return performance.now() - began
}

// ---- the disk ----

const untilPacked = async server => {
  for (let quiet = 0, before = ''; quiet < QUIET_LOOKS; await wait(1000)) {
    const { storage_tail_bytes: tail, storage_segment_bytes: segments } = await server.metrics()
    quiet = before === `${tail} ${segments}` ? quiet + 1 : 0
    before = `${tail} ${segments}`
  }
}

const measureDisk = async (server, dir, updates, doc) => {
  const posted = await postInOrder(server.port, '/docs/trace/updates', updates)
  if (posted.disordered > 0) throw new Error(`${posted.disordered} events came out of order`)
  await untilPacked(server)
  const m = await server.metrics()
  const file = fs.statSync(`${dir}/data.mdb`)
  const bytes = updates.reduce((sum, update) => sum + update.length, 0)
  row('events', updates.length, `${kb(bytes)} of updates, posted in ${posted.seconds.toFixed(1)} s, ${m.commits_total} commits`)
  row('data file', kb(file.size), `${(file.size / updates.length).toFixed(2)} bytes an event; ${kb(file.blocks * 512)} allocated`)
  row('of it in use', kb(m.storage_used_bytes), 'the rest is free pages')
  row('segments', kb(m.storage_segment_bytes), 'in pages')
  row('checkpoints', kb(m.storage_checkpoint_bytes))
  row('tail', kb(m.storage_tail_bytes), 'events that are not packed yet')
  row('Yjs state, v1; v2', `${kb(Y.encodeStateAsUpdate(doc).length)}; ${kb(Y.encodeStateAsUpdateV2(doc).length)}`, 'the last state alone')
}

// ---- the past ----

const momentPath = seq => `/docs/trace/state?at=${seq}`

const report = (what, samples) => {
  row(what, spread(samples.map(s => s.ms)), `median ${times(median(samples.map(s => s.ms / s.yjs)))}`)
}

/** Milliseconds that the server's threads have been running. */
const cpuOf = server => {
  const tasks = `/proc/${server.child.pid}/task`
  return fs.readdirSync(tasks).reduce((sum, task) => sum + Number(fs.readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0)
}

const measureMoments = async (dir, count) => {
  const random = randomFrom(7)
  const seqs = Array.from({ length: MOMENTS }, () => 1 + random.below(count))
  const server = await Server.start(weft, dir)
  await server.get('/healthz')
  const warm = []
  const before = cpuOf(server)
  for (const seq of seqs) {
    const { ms, body } = await server.get(momentPath(seq))
    warm.push({ seq, ms, yjs: Math.min(yjsLoad(body), yjsLoad(body)) })
  }
  const cpu = (cpuOf(server) - before) / MOMENTS
  await server.stop()
  const cold = []
  for (const { seq, yjs } of warm) cold.push({ seq, yjs, ms: await coldGet(dir, momentPath(seq)) })
  report(`state?at=, ${MOMENTS} random ids, warm`, warm)
  report('the same, cold', cold)
  row('processor time of one', ms(cpu), 'warm, on average; what a busy machine adds is not in it')
}

/** Milliseconds of one answer of a server that has just started. */
const coldGet = async (dir, path) => {
  dropCache(dir)
  const server = await Server.start(weft, dir)
  await server.get('/healthz')
  const { ms } = await server.get(path)
  await server.stop()
  return ms
}

const measureOpening = async (dir, state) => {
  const cold = []
  const yjs = []
  for (let i = 0; i < OPENINGS; i++) {
    cold.push({ ms: await coldGet(dir, '/docs/trace/state') })
    yjs.push(yjsLoad(state))
  }
  row('Yjs loads the last state', ms(median(yjs)))
  report('open the document, cold', cold.map(s => ({ ...s, yjs: median(yjs) })))
}

const measureHistory = async (dir, count) => {
  const server = await Server.start(weft, dir)
  const began = performance.now()
  const { body } = await server.get('/docs/trace/history', { accept: 'application/x-ndjson' })
  const seconds = (performance.now() - began) / 1000
  const lines = body.toString('latin1').split('\n').length - 1
  if (lines !== count) throw new Error(`${lines} events in the history of ${count}`)
  row('history, every event as NDJSON', `${Math.round(count / seconds)} events/s`, `${kb(body.length)} in ${seconds.toFixed(2)} s`)
  await server.stop()
}

// ---- writers ----

const value = (line, key) => Number(new RegExp(`\\b${key}=([\\d.]+)`).exec(line)[1])
const runLoad = async (...args) => (await promisify(execFile)(load, args.map(String))).stdout

const measureCommits = async dir => {
  const disk = value(execFileSync(load, ['disk', '--dir', work, '--seconds', '2'], { encoding: 'utf8' }), 'syncs_per_s')
  const server = await Server.start(weft, dir)
  const before = await server.metrics()
  const line = await runLoad('write', '--port', server.port, '--connections', 512, '--documents', 512, '--seconds', LOAD_SECONDS)
  const after = await server.metrics()
  await server.stop()
  const rate = value(line, 'writes_per_s')
  const each = (after.events_total - before.events_total) / (after.commits_total - before.commits_total)
  row('the disk syncs', `${Math.round(disk)}/s`)
  row('synced writes, 512 writers', `${Math.round(rate)}/s`, `${(rate / disk).toFixed(1)} for each sync of the disk; ${each.toFixed(0)} ride one commit`)
}

/** A store large enough to leave its tail alone for a while. */
const fill = async server => {
  for (let i = 0; i * FILL_UPDATE_BYTES < FILLED_BYTES; i++) {
    const doc = new Y.Doc()
    doc.getMap('m').set('k', new Uint8Array(randomBytes(FILL_UPDATE_BYTES)))
    await server.request('POST', `/docs/fill-${i}/updates`, { headers: octets, body: Buffer.from(Y.encodeStateAsUpdate(doc)) })
  }
  await untilPacked(server)
}

/** Writers beside a packer that has nothing to do yet, and then has: events per second in each. */
const measurePacking = async dir => {
  const server = await Server.start(weft, dir)
  await fill(server)
  const writing = runLoad('write', '--port', server.port, '--connections', 64, '--documents', 64, '--seconds', PACKING_SECONDS)
  let running = true
  writing.finally(() => { running = false })
  const samples = []
  while (running) {
    const m = await server.metrics()
    samples.push({ at: performance.now(), events: m.events_total, segments: m.storage_segment_bytes })
    await wait(SAMPLE_MS)
  }
  await writing
  await server.stop()
  const windows = samples.slice(1).map((b, i) => {
    const a = samples[i]
    return { rate: (b.events - a.events) / (b.at - a.at) * 1000, packed: a.segments !== b.segments }
  }).slice(4, -2) // the first second warms up, and the last ones see the writers end
  const near = i => windows.slice(Math.max(0, i - PACKING_AROUND), i + PACKING_AROUND + 1).some(w => w.packed)
  const off = windows.filter((_, i) => !near(i)).map(w => w.rate)
  const on = windows.filter((_, i) => near(i)).map(w => w.rate)
  const mean = rates => rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  row('writers, 64, while nothing is packed; while it is', `${Math.round(mean(off))}/s; ${Math.round(mean(on))}/s`,
    `${off.length} and ${on.length} windows of ${SAMPLE_MS} ms`)
  row('what packing costs them', `${((1 - mean([...off, ...on]) / mean(off)) * 100).toFixed(1)} %`, 'over all windows')
}

// ---- all of it ----

const main = async () => {
  fs.mkdirSync(work, { recursive: true })
  const data = fs.mkdtempSync(`${work}/history.`)
  try {
    const { updates, doc } = makeUpdates()
    const dir = `${data}/trace`
    const server = await Server.start(weft, dir)
    await measureDisk(server, dir, updates, doc)
    await server.stop()
    const state = Y.encodeStateAsUpdate(doc)
    for (let i = 0; i < 10; i++) yjsLoad(state)
    await measureMoments(dir, updates.length)
    await measureOpening(dir, state)
    await measureHistory(dir, updates.length)
    await measureCommits(`${data}/commits`)
    await measurePacking(`${data}/packing`)
  } finally {
    fs.rmSync(data, { recursive: true, force: true })
  }
  console.log('| | | |\n| --- | --- | --- |')
  for (const cells of rows) console.log(`| ${cells.join(' | ')} |`)
}

await main()
