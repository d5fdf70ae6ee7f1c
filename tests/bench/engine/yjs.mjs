// What bench_engine.c measures, of Yjs: node yjs.mjs FILE RUNS
import * as Y from 'yjs'
import { readUpdates } from './trace.mjs'

const MERGED = 10000
const updates = readUpdates(process.argv[2])
const runs = Number(process.argv[3])

// The middle one of several runs, in nanoseconds of CPU time.
const median = measure => {
  const times = []
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage()
    measure()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) * 1000)
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]
}

const applied = list => {
  const doc = new Y.Doc()
  for (const update of list) Y.applyUpdate(doc, update)
  return doc
}

const doc = applied(updates)
const state = Y.encodeStateAsUpdate(doc)
const half = Y.encodeStateVector(applied(updates.slice(0, updates.length / 2)))
const first = updates.slice(0, MERGED)

console.log(JSON.stringify({
  updates: updates.length,
  structs: [...doc.store.clients.values()].reduce((sum, structs) => sum + structs.length, 0),
  state_bytes: state.length,
  apply_ns: median(() => applied(updates)),
  load_ns: median(() => applied([state])),
  encode_ns: median(() => Y.encodeStateAsUpdate(doc)),
  merge_ns: median(() => Y.mergeUpdates(first)),
  diff_ns: median(() => Y.encodeStateAsUpdate(doc, half))
}))
