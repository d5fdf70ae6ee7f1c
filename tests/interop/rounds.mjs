// One round: editors write, the same chunks go to a Yjs document and to weft's, and both must hold the same bytes.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { halved, hex, known, sameBytes, sameUpdate } from './compare.mjs'
import { formatsOf } from './formats.mjs'
import { peersWith } from './peers.mjs'
import { randomFrom } from './random.mjs'

const { edits, scene } = peersWith(Y)
const formats = formatsOf(Y)
const nothing = new Uint8Array()
// How the receiving documents are opened.
//   server: no root is defined, as on a server; Yjs tidies nested texts
//   defined: the roots are defined before anything arrives; Yjs tidies all texts
//   plain: Yjs is kept from tidying, as weft is with CRDT_CLEANUP_OFF
export const openings = {
  server: { cleanup: true, define: false },
  defined: { cleanup: true, define: true },
  plain: { cleanup: false, define: false }
}

export const openYjs = (opening, gc, roots) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = 4294967294 // writes nothing
  if (opening.define) edits.define(doc, roots)
  // The last listener that Yjs asks before it looks whether it shall tidy.
  if (!opening.cleanup) doc.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  return doc
}

// True if the document told of a change.
const applyToYjs = (doc, update, format = formats.v1) => {
  let told = 0
  const count = () => told++
  doc.on('update', count)
  format.apply(doc, update, 'remote')
  doc.off('update', count)
  return told > 0
}

export const openEngine = async (engine, slot, opening, gc, roots, ...more) => {
  await engine.call('new', slot, gc ? 'gc' : 'nogc', opening.cleanup ? 'cleanup' : 'nocleanup', ...more)
  if (!opening.define) return
  for (const name in roots) if (/Text$/.test(roots[name])) await engine.call('text', slot, Buffer.from(name))
}

const applyToEngine = async (engine, slot, update, format = formats.v1) => {
  const [changed, integrated, pending] = (await engine.call('apply', slot, update, format.name)).map(word => word === '1')
  return { changed, integrated, pending }
}

// What a reader of a Yjs document sees that got `state` and nothing else, untidied.
export const readingOf = (state, roots) => {
  const doc = openYjs(openings.plain, true, roots)
  applyToYjs(doc, state)
  return halved(edits.reading(doc, roots))
}

const randomStateVector = (random, doc) => {
  const clocks = new Map()
  for (const [client, clock] of Y.decodeStateVector(Y.encodeStateVector(doc))) if (random.chance(0.7)) clocks.set(client, random.between(0, clock))
  if (random.chance(0.2)) clocks.set(random.between(50, 99), random.between(1, 9))
  return Y.encodeStateVector(clocks)
}

// Feeds the chunks to both, comparing after each. False if Yjs itself failed on the way: it cannot cut some GC structs.
const deliver = async (engine, { chunks, yjs, format }) => {
  for (const [i, chunk] of chunks.entries()) {
    const before = Y.encodeStateAsUpdate(yjs)
    let told
    try {
      told = applyToYjs(yjs, chunk, format)
    } catch {
      return false
    }
    const applied = await applyToEngine(engine, 0, chunk, format)
    const at = `after chunk ${i} of ${chunks.length}`
    const state = Y.encodeStateAsUpdate(yjs)
    sameUpdate(await engine.bytes('state', 0, nothing), state, `state ${at}`)
    sameUpdate(await engine.bytes('state', 0, nothing, 'v2'), Y.encodeStateAsUpdateV2(yjs), `state ${at}`, 'v2')
    sameBytes(await engine.bytes('sv', 0), Y.encodeStateVector(yjs), `state vector ${at}`)
    assert.equal(applied.integrated, told, `integrated ${at}`)
    assert.equal(applied.pending, yjs.store.pendingStructs !== null || yjs.store.pendingDs !== null, `pending ${at}`)
    if (!applied.changed) assert.deepEqual(known(state), known(before), `unchanged, says the engine, ${at}`)
    await engine.call('check', 0)
  }
  return true
}

const compareDifferences = async (engine, random, { yjs, peers }) => {
  const vectors = [...peers.slice(0, 3).map(peer => Y.encodeStateVector(peer.doc)), randomStateVector(random, yjs), randomStateVector(random, yjs)]
  for (const [encoding, { encode }] of Object.entries(formats)) {
    for (const sv of vectors) sameUpdate(await engine.bytes('state', 0, sv, encoding), encode(yjs, sv), `difference to ${hex(sv)}`, encoding)
  }
}

const metaWords = ({ from, to }) => [...from.keys()].flatMap(client => [client, from.get(client), to.get(client)]).map(String)

// So many that weft keeps their readers in a heap or, where they are in the order in which they are read, in a queue. Single edits hold
// no GC structs of what others hold as items: those are read in an order that V8 knows alone.
const many = (random, log, { meta }) => {
  const sample = Array.from({ length: random.between(64, 130) }, () => random.oneOf(log))
  if (random.below(3) === 0) return sample
  const first = new Map(sample.map(update => [update, [...meta(update).from].sort(([a], [b]) => b - a)[0] ?? [0, 0]]))
  return sample.sort((a, b) => first.get(b)[0] - first.get(a)[0] || first.get(a)[1] - first.get(b)[1])
}

const compareUtilities = async (engine, random, { yjs, chunks, log, format: made }) => {
  const pool = [...chunks, ...log, made.encode(yjs)]
  for (let i = 0; i < 6; i++) {
    const encoding = random.oneOf(['v1', 'v2'])
    const format = formats[encoding]
    const sample = i === 0 && log.length > 0 ? many(random, log, made) : Array.from({ length: random.between(1, 6) }, () => random.oneOf(pool))
    const picked = encoding === made.name ? sample : sample.map(update => made.convert(update))
    const merged = format.merge(picked)
    sameUpdate(await engine.bytes('merge', encoding, ...picked), merged, `merge of ${picked.map(hex).join(' ')}`, encoding)
    sameBytes(await engine.bytes('svof', merged, encoding), format.vector(merged), `state vector of ${hex(merged)} (${encoding})`)
    const sv = randomStateVector(random, yjs)
    sameUpdate(await engine.bytes('diff', merged, sv, encoding), format.diff(merged, sv), `diff of ${hex(merged)} and ${hex(sv)}`, encoding)
    sameUpdate(await engine.bytes('convert', merged, encoding), format.convert(merged), `conversion of ${hex(merged)}`, format.other)
    assert.deepEqual(await engine.call('clients', merged, encoding), metaWords(format.meta(merged)), `clients of ${hex(merged)} (${encoding})`)
    const { structs, ds } = format.decode(merged)
    const empty = ds.clients.size === 0 && structs.every(struct => struct instanceof Y.Skip)
    assert.deepEqual(await engine.call('validate', merged, encoding), [empty ? '1' : '0'], `whether ${hex(merged)} is empty (${encoding})`)
  }
}

// What weft gives out is what Yjs reads: its state; and for somebody who saw the beginning, the difference to a rewound vector.
const compareReadings = async (engine, random, { yjs, chunks, roots, gc, format }) => {
  const expected = readingOf(Y.encodeStateAsUpdate(yjs), roots)
  const state = await engine.bytes('state', 0, nothing)
  assert.equal(readingOf(state, roots), expected, 'reading of the state')
  const seen = random.between(0, chunks.length)
  await openEngine(engine, 1, openings.plain, gc, roots)
  for (const chunk of chunks.slice(0, seen)) await applyToEngine(engine, 1, chunk, format)
  const rewound = await engine.bytes('rewind', format.name, await engine.bytes('sv', 0), ...chunks.slice(seen))
  await applyToEngine(engine, 1, await engine.bytes('state', 0, rewound))
  await engine.call('check', 1)
  // A document that waits may hold what it could integrate by now, until the next update makes it look; the other one has looked.
  if (yjs.store.pendingStructs) return
  // So may this one: a third, which gets its state, looks at all of it.
  const caughtUp = await engine.bytes('state', 1, nothing)
  await openEngine(engine, 2, openings.plain, gc, roots)
  await applyToEngine(engine, 2, caughtUp)
  sameBytes(await engine.bytes('sv', 2), await engine.bytes('sv', 0), `state vector after the difference since chunk ${seen}`)
  assert.equal(readingOf(caughtUp, roots), expected, `reading after the difference since chunk ${seen}`)
}

// Runs the round of a seed; returns what happened in it.
export const runRound = async (engine, seed, options = {}) => {
  const random = randomFrom(seed)
  const mode = options.mode ?? random.oneOf(Object.keys(openings))
  const gc = random.chance(0.6)
  const drawn = random.chance(0.35) ? 'v2' : 'v1'
  const made = scene(random, { ...options, format: options.format ?? drawn })
  const opening = openings[mode]
  const what = `${made.family}, ${made.delivery}, ${mode}, ${made.format.name}, gc ${gc ? 'on' : 'off'}, ${made.peers.length} peers, ${made.chunks.length} chunks`
  const round = { ...made, opening, gc, yjs: openYjs(opening, gc, made.roots) }
  try {
    await openEngine(engine, 0, opening, gc, made.roots)
    const whole = await deliver(engine, round)
    if (whole) {
      await compareDifferences(engine, random, round)
      await compareUtilities(engine, random, round)
      await compareReadings(engine, random, round)
    }
    return { what, whole, chunks: made.chunks.length }
  } catch (error) {
    error.message = `round ${seed} (${what}): ${error.message}`
    throw error
  }
}
