// Measures one job of one engine that runs under Node: node --expose-gc worker.mjs ENGINE FOLDER JOB PEERS [--quick]
// It prints what bench_engine.c prints. An engine with a format of its own first makes its updates (job `make`), once per folder.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { readList, readProgram, writeList } from './format.mjs'

const [engineName, folder, jobName, peers, quick] = process.argv.slice(2)

// When to stop: bench_engine.c has the same numbers.
const WARM_ROUNDS = 3
const ROUNDS_MIN = 5
const ROUNDS_LONG = 3
const ROUNDS_MAX = quick ? ROUNDS_MIN : 300
const WARM_NS = 0.5e9
const WARM_NS_MAX = 10e9
const ROUNDS_NS = 1e9
const ROUNDS_NS_LONG = 15e9
const MERGED = 10000
const COPIES = 4 // held at once to see what one of them takes

// What WebAssembly holds is in no other count.
const memories = []
const { Instance } = WebAssembly
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args)
    if (this.exports.memory) memories.push(this.exports.memory)
  }
}

const engine = (await import(`./peers/${engineName}.mjs`)).default(createRequire(`${peers}/package.json`))
const own = engine.format === 'yjs' ? '' : `.${engine.format}`
const file = name => `${folder}/${name}${own}`
const readState = suffix => new Uint8Array(fs.readFileSync(file(own ? 'state' : `state.${suffix}`)))

// ---- what is done ----

const applied = (updates, heard) => {
  const doc = engine.open()
  if (heard) engine.listen(doc, heard)
  for (const update of updates) engine.take(doc, update)
  return doc
}

const loaded = bytes => {
  if (engine.load) return engine.load(bytes)
  const doc = engine.open()
  engine.take(doc, bytes)
  return doc
}

const loadedV2 = bytes => {
  const doc = engine.open()
  engine.takeV2(doc, bytes)
  return doc
}

// Positions of the others' texts fit Yjs' order of concurrent words; another engine has another one, of the same length or nearly.
const within = (author, patches) => patches.map(([at, deleted, inserted]) => {
  const length = author.length()
  const from = Math.min(at, length)
  return [from, Math.min(deleted, length - from), inserted]
})

const replayed = ({ clients, steps }, capture, watch) => {
  const authors = clients.map(client => engine.author(client, capture))
  const known = clients.map(() => new Set())
  const updates = []
  let made = 0
  for (const { doc, patches, take } of steps) {
    const author = authors[doc]
    known[doc].add(patches ? made : take)
    if (!patches) {
      author.take(updates[take])
      continue
    }
    author.edit(clients.length > 1 && author.length ? within(author, patches) : patches)
    made++
    if (capture) updates.push(author.update)
    if (watch) watch(authors[0], made)
  }
  return { authors, updates, known }
}

const close = doc => engine.close(doc)
const letGo = ({ authors }) => authors.forEach(author => close(author.doc))
const several = () => readProgram(`${folder}/program`).clients.length > 1

// name -> what it needs (false: the engine or the folder cannot), prepared into the function that is measured.
const jobs = {
  apply: () => { const updates = readList(file('updates')); return () => close(applied(updates)) },
  apply_event: () => {
    if (!engine.listen) return null
    const updates = readList(file('updates'))
    return () => { let bytes = 0; close(applied(updates, update => { bytes += update.length })); if (bytes === 0) throw new Error('no event') }
  },
  apply_shuffled: () => {
    if (own) return null
    const updates = readList(file('shuffled'))
    return () => close(applied(updates))
  },
  load: () => { const state = readState('v1'); return () => close(loaded(state)) },
  load_v2: () => { if (!engine.takeV2) return null; const state = readState('v2'); return () => close(loadedV2(state)) },
  encode: () => { const doc = loaded(readState('v1')); return () => engine.encode(doc) },
  encode_v2: () => { if (!engine.encodeV2) return null; const doc = loaded(readState('v1')); return () => engine.encodeV2(doc) },
  diff: () => {
    if (!engine.diff) return null
    const vector = own ? engine.vectorFrom(JSON.parse(fs.readFileSync(file('half'), 'utf8'))) : new Uint8Array(fs.readFileSync(file('half.sv')))
    const doc = loaded(readState('v1'))
    return () => engine.diff(doc, vector)
  },
  merge_10k: () => { if (!engine.merge) return null; const updates = readList(file('updates')).slice(0, MERGED); return () => engine.merge(updates) },
  merge_all: () => { if (!engine.merge) return null; const updates = readList(file('updates')); return () => engine.merge(updates) },
  load_text: () => {
    const state = readState('v1')
    const expected = fs.readFileSync(`${folder}/text`, 'utf8')
    const read = () => { const doc = loaded(state); const text = engine.text(doc); close(doc); return text }
    if (!(own && several()) && read() !== expected) throw new Error('another text came out')
    return read
  },
  replay: () => { const program = readProgram(`${folder}/program`); return several() ? null : () => letGo(replayed(program, false)) },
  replay_updates: () => { const program = readProgram(`${folder}/program`); return () => letGo(replayed(program, true)) }
}

const memoryHeld = () => {
  for (let i = 0; i < 3; i++) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external + memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0)
}

const facts = {
  memory() {
    const state = readState('v1')
    const copies = [loaded(state)]
    const before = memoryHeld()
    while (copies.length <= COPIES) copies.push(loaded(state))
    const bytes = (memoryHeld() - before) / COPIES
    if (copies.length !== COPIES + 1) throw new Error('copies were let go')
    return bytes
  },
  size_v1: () => (own ? null : engine.encode(loaded(readState('v1'))).length),
  size_v2: () => (engine.encodeV2 ? engine.encodeV2(loaded(readState('v1'))).length : null),
  size_own: () => (own ? fs.statSync(file('state')).size : null),
  structs: () => (engine.structs ? engine.structs(loaded(readState('v1'))) : null)
}

// The engine's own updates, state, and state vector after half of the edits, of the same edits; seen by the first author, who in the end
// hears of everything.
const make = () => {
  if (!own || fs.existsSync(file('state'))) return
  const program = readProgram(`${folder}/program`)
  const edits = program.steps.filter(step => step.patches).length
  let vector
  const { authors, updates, known } = replayed(program, true, (first, made) => { if (engine.vector && made === edits >> 1) vector = engine.vector(first.doc) })
  for (const [i, update] of updates.entries()) if (!known[0].has(i)) authors[0].take(update)
  writeList(file('updates'), updates)
  if (vector) fs.writeFileSync(file('half'), JSON.stringify(Array.from(vector)))
  fs.writeFileSync(file('state'), engine.encode(authors[0].doc))
}

// ---- how it is measured ----

const say = line => fs.writeSync(1, line + '\n')

const timed = run => {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

const measure = run => {
  let spent = timed(run)
  say(`first ${spent}`)
  for (let i = 1; (i < WARM_ROUNDS || spent < WARM_NS) && spent < WARM_NS_MAX; i++) spent += timed(run)
  const rounds = []
  spent = 0
  while (rounds.length < ROUNDS_MAX && !(rounds.length >= ROUNDS_MIN && spent >= ROUNDS_NS) && !(rounds.length >= ROUNDS_LONG && spent >= ROUNDS_NS_LONG)) {
    rounds.push(timed(run))
    spent += rounds.at(-1)
  }
  say(`rounds ${rounds.join(' ')}`)
}

if (jobName === 'make') {
  make()
  say('ready')
} else if (jobName in facts) {
  const value = facts[jobName]()
  say(value === null ? 'none' : `value ${value}`)
} else {
  const run = jobs[jobName]?.() ?? null
  if (run) {
    say('ready')
    measure(run)
  } else {
    say('none')
  }
}
