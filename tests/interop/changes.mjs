// One round of changes: the same updates go to a Yjs document that is observed and to weft, and both must tell of the same changes.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { peersWith } from './peers.mjs'
import { joined, parsed, plain } from './plain.mjs'
import { randomFrom } from './random.mjs'

const { edits, scene } = peersWith(Y)
const kinds = [[Y.XmlText, 'xmlText'], [Y.Text, 'text'], [Y.XmlHook, 'xmlHook'], [Y.Map, 'map'], [Y.XmlElement, 'xmlElement'], [Y.XmlFragment, 'xmlFragment'], [Y.Array, 'array']]
const kindOf = type => kinds.find(([constructor]) => type instanceof constructor)[1]
const idOf = type => `${type._item.id.client}:${type._item.id.clock}`

// What every nested type says, by its id: old values are told as they were, and Yjs has emptied them when it tells.
const nestedTypes = (doc, roots) => {
  const found = new Map()
  const visit = type => {
    if (type._item) found.set(idOf(type), plain(type))
    for (let item = type._start; item; item = item.right) if (!item.deleted && item.content.type) visit(item.content.type)
    for (const item of type._map.values()) if (!item.deleted && item.content.type) visit(item.content.type)
  }
  for (const name in roots) visit(doc.share.get(name))
  return found
}

const value = (raw, nested) => (raw instanceof Y.AbstractType && nested.has(idOf(raw)) && raw._item.deleted ? nested.get(idOf(raw)) : plain(raw))

const eventInWords = (event, nested) => {
  const keys = [...event.changes.keys].map(([key, { action, oldValue }]) => {
    const entry = { action }
    if (action !== 'add') entry.oldValue = value(oldValue, nested)
    if (action !== 'delete') entry.newValue = plain(event.target._map.get(key).content.getContent().at(-1))
    return [key, entry]
  })
  // Arrays tell their inserts as arrays of values.
  const delta = joined(event.changes.delta.map(plain))
  return { path: event.path.map(plain), kind: kindOf(event.target), ...(delta.length ? { delta } : {}), ...(keys.length ? { keys: plain(new Map(keys)) } : {}) }
}

// Applies an update to a Yjs document that has everything of before, and returns what its observers hear. Reading an event deletes
// marks in the document, so it is one of its own, each time. Null where that one looked again at what waits, and the other did not.
export const heard = (before, update, after, roots) => {
  const doc = new Y.Doc({ gc: true })
  doc.clientID = 4294967294 // writes nothing
  edits.define(doc, roots)
  doc.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  Y.applyUpdate(doc, before.state)
  const same = Buffer.compare(Y.encodeStateVector(doc), before.vector) === 0
  const nested = nestedTypes(doc, roots)
  const told = []
  for (const name in roots) doc.share.get(name).observeDeep(events => { for (const event of events) told.push({ root: name, ...eventInWords(event, nested) }) })
  Y.applyUpdate(doc, update, 'remote')
  if (!same || Buffer.compare(Y.encodeStateVector(doc), after.vector)) return null
  return told.filter(change => change.delta || change.keys)
}

export const momentOf = doc => ({ state: Y.encodeStateAsUpdate(doc), vector: Y.encodeStateVector(doc) })

// The order of the types of one depth is nobody's business; a root's kind is a guess.
export const comparable = changes => changes.map(change => JSON.stringify(plain({ ...change, kind: change.path.length ? change.kind : null }))).sort()

export const cleaned = changes => changes.map(change => ({ ...change, ...(change.delta ? { delta: joined(change.delta) } : {}) }))

export const runChangesRound = async (engine, seed, options = {}) => {
  const random = randomFrom(seed)
  const gc = random.chance(0.6)
  const made = scene(random, { transactions: 20, ...options })
  const yjs = new Y.Doc({ gc })
  yjs.clientID = 4294967294
  edits.define(yjs, made.roots)
  // What either tidies behind the transaction makes no difference to anybody who looks.
  const tidy = random.chance(0.3)
  if (!tidy) yjs.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  await engine.call('new', 0, gc ? 'gc' : 'nogc', tidy ? 'cleanup' : 'nocleanup', 'changes')
  // A text of nothing but types would else be taken for an array.
  for (const name in made.roots) if (/Text$/.test(made.roots[name])) await engine.call('text', 0, Buffer.from(name))
  try {
    for (const [i, chunk] of made.chunks.entries()) {
      const before = momentOf(yjs)
      try {
        Y.applyUpdate(yjs, chunk, 'remote')
      } catch {
        return { whole: false } // Yjs cannot cut some GC structs
      }
      const expected = heard(before, chunk, momentOf(yjs), made.roots)
      await engine.call('apply', 0, chunk)
      const told = parsed(await engine.bytes('changes', 0))
      const depths = told.map(change => change.path.length)
      assert.deepEqual(depths, [...depths].sort((a, b) => a - b), `outermost first, chunk ${i}`)
      if (expected) assert.deepEqual(comparable(cleaned(told)), comparable(expected), `changes of chunk ${i} of ${made.chunks.length}`)
      await engine.call('check', 0)
    }
    return { whole: true }
  } catch (error) {
    error.message = `changes ${seed} (${made.family}, ${made.delivery}, gc ${gc ? 'on' : 'off'}): ${error.message}`
    throw error
  }
}
