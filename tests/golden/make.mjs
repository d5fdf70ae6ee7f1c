// Writes further golden cases: node make.mjs FILE. With --compare, says whether the file holds just these.
// Everything comes from seeds and from pinned versions, so the same bytes come out again.
import fs from 'node:fs'
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'
import { families, peersWith } from '../interop/peers.mjs'
import { randomFrom } from '../interop/random.mjs'

const { edits, scene, deliveries, cut } = peersWith(Y)
const cases = []
const base64 = bytes => Buffer.from(bytes).toString('base64')
const add = fields => cases.push(fields)

// ---- what Yjs makes of updates ----

const receive = ({ gc, roots, updates }, { define, tidy }) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = 4294967294 // writes nothing
  if (define) edits.define(doc, roots)
  // The last listener that Yjs asks before it looks whether it shall tidy.
  if (!tidy) doc.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  for (const update of updates) Y.applyUpdate(doc, update, 'remote')
  return doc
}

// A state as a new document gives it out: not the same bytes, for what was split is whole again.
const reloaded = (gc, state) => base64(Y.encodeStateAsUpdate(receive({ gc, updates: [state] }, { define: false, tidy: false })))

const held = doc => ({ sv: base64(Y.encodeStateVector(doc)), v1: base64(Y.encodeStateAsUpdate(doc)) })

const addApply = (name, given, note) => {
  const defined = receive(given, { define: true, tidy: true })
  const { pendingStructs, pendingDs } = defined.store
  const pending = { missing: pendingStructs && Object.fromEntries(pendingStructs.missing), ds: pendingDs !== null }
  const server = held(receive(given, { define: false, tidy: true }))
  const expect = held(defined)
  add({
    kind: 'apply',
    name,
    enc: 'v1',
    gc: given.gc,
    roots: given.roots,
    updates: given.updates.map(base64),
    expect: { ...expect, pending },
    ...(server.v1 === expect.v1 && server.sv === expect.sv ? {} : { server }),
    plain: held(receive(given, { define: false, tidy: false })),
    reloaded: reloaded(given.gc, Y.encodeStateAsUpdate(defined)),
    ...(note ? { note } : {})
  })
}

// ---- sessions: every family by every way of delivery ----

const sessions = () => {
  let seed = 7000
  for (const family of Object.keys(families)) {
    for (const delivery of Object.keys(deliveries)) {
      const random = randomFrom(seed++)
      const made = scene(random, { family, delivery, transactions: 9 })
      const given = { gc: random.chance(0.6), roots: made.roots, updates: made.chunks }
      addApply(`session/${family}/${delivery}`, given)
      utilities(random, `${family}/${delivery}`, given)
    }
  }
}

const utilities = (random, name, given) => {
  if (given.updates.length < 2) return
  const doc = receive(given, { define: true, tidy: true })
  const clocks = [...Y.decodeStateVector(Y.encodeStateVector(doc))].filter(() => random.chance(0.8))
  const sv = Y.encodeStateVector(new Map(clocks.map(([client, clock]) => [client, random.between(0, clock)])))
  const updates = random.shuffled(given.updates).slice(0, 4)
  const merged = Y.mergeUpdates(updates)
  const update = random.chance(0.5) ? merged : cut(random, merged)
  add({ kind: 'merge', name: `merge/${name}`, enc: 'v1', updates: updates.map(base64), expect: base64(merged) })
  add({ kind: 'diff', name: `diff/${name}`, enc: 'v1', update: base64(update), sv: base64(sv), expect: base64(Y.diffUpdate(update, sv)) })
  add({ kind: 'sv-from-update', name: `sv/${name}`, enc: 'v1', update: base64(update), expect: base64(Y.encodeStateVectorFromUpdate(update)) })
  add({ kind: 'encode-from', name: `encode-from/${name}`, enc: 'v1', gc: given.gc, roots: given.roots, updates: given.updates.map(base64), sv: base64(sv), expect: { v1: base64(Y.encodeStateAsUpdate(doc, sv)) } })
}

// ---- updates that no editor sends ----

const written = write => {
  const encoder = encoding.createEncoder()
  write(encoder)
  return encoding.toUint8Array(encoder)
}
const number = encoding.writeVarUint
const string = encoding.writeVarString
const numbers = (encoder, ...values) => values.forEach(value => number(encoder, value))

const text = content => encoder => string(encoder, content)
const counted = count => encoder => number(encoder, count)
const struct = (kind, { origin, right, root, parent, sub }, content) => encoder => {
  encoding.writeUint8(encoder, kind | (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (sub === undefined ? 0 : 0x20))
  if (origin) numbers(encoder, ...origin)
  if (right) numbers(encoder, ...right)
  if (kind !== 0 && kind !== 10 && !origin && !right) {
    if (root === undefined) numbers(encoder, 0, ...parent)
    else { number(encoder, 1); string(encoder, root) }
    if (sub !== undefined) string(encoder, sub)
  }
  content(encoder)
}
// sections: [client, clock, structs]; deletes: [client, [clock, length] ...]
const update = (sections, deletes = []) => written(encoder => {
  number(encoder, sections.length)
  for (const [client, clock, structs] of sections) {
    numbers(encoder, structs.length, client, clock)
    for (const write of structs) write(encoder)
  }
  number(encoder, deletes.length)
  for (const [client, ...ranges] of deletes) {
    numbers(encoder, client, ranges.length)
    for (const range of ranges) numbers(encoder, ...range)
  }
})

const handmade = () => {
  const roots = { t: 'Text', a: 'Array', m: 'Map' }
  const hello = update([[1, 0, [struct(4, { root: 't' }, text('hello'))]]])
  const both = (name, updates, note) => { for (const gc of [true, false]) addApply(`handmade/${name}/gc-${gc}`, { gc, roots, updates }, note) }

  both('gc-then-item', [update([[1, 0, [struct(0, {}, counted(3)), struct(4, { root: 't' }, text('x'))]]])], 'a hole, then a struct that does not refer to it')
  both('item-behind-gc', [update([[1, 0, [struct(0, {}, counted(3))]]]), update([[2, 0, [struct(4, { origin: [1, 1] }, text('lost'))]]])], 'an origin within a hole')
  both('gc-over-known', [hello, update([[1, 2, [struct(0, {}, counted(9))]]])], 'a hole that begins within known text')
  both('skip-then-filled', [update([[1, 0, [struct(4, { root: 't' }, text('ab')), struct(10, {}, counted(2)), struct(4, { origin: [1, 3] }, text('ef'))]]]), update([[1, 2, [struct(4, { origin: [1, 1] }, text('cd'))]]])])
  both('two-gaps', [update([[1, 6, [struct(4, { origin: [1, 5] }, text('g'))]]]), update([[1, 3, [struct(4, { origin: [1, 2] }, text('d'))]]]), update([[1, 0, [struct(4, { root: 't' }, text('abc'))]]]), update([[1, 4, [struct(4, { origin: [1, 3] }, text('ef'))]]])])
  both('delete-unsorted-overlapping', [hello, update([], [[1, [3, 2], [0, 2], [1, 3]]])])
  both('delete-past-the-end', [hello, update([], [[1, [3, 9]]]), update([[1, 5, [struct(4, { origin: [1, 4] }, text('world!!!'))]]])])
  both('delete-far-ahead', [update([], [[1, [100, 5]], [9, [0, 1]]]), hello])
  both('delete-twice', [hello, update([], [[1, [1, 2]]]), update([], [[1, [0, 4]]])])
  both('parent-is-text-content', [hello, update([[2, 0, [struct(4, { parent: [1, 1] }, text('x'))]]])], 'a parent that is no type')
  both('parent-comes-later', [update([[2, 0, [struct(4, { parent: [3, 0] }, text('in'))]]]), update([[3, 0, [struct(7, { root: 'a' }, counted(2))]]])])
  both('parent-deleted-first', [update([[3, 0, [struct(7, { root: 'a' }, counted(2))]]], [[3, [0, 1]]]), update([[2, 0, [struct(4, { parent: [3, 0] }, text('in'))]]])])
  both('key-with-right-origin', [update([[1, 0, [struct(8, { root: 'm', sub: 'k' }, encoder => { number(encoder, 1); encoding.writeAny(encoder, 1) })]]]), update([[2, 0, [struct(8, { right: [1, 0], sub: 'k' }, encoder => { number(encoder, 1); encoding.writeAny(encoder, 2) })]]])])
  both('long-key-entry', [update([[1, 0, [struct(8, { root: 'm', sub: 'k' }, encoder => { number(encoder, 3); for (const v of ['a', 'b', 'c']) encoding.writeAny(encoder, v) })]]]), update([], [[1, [1, 1]]])], 'an entry of three values, cut by a deletion')
  both('surrogates-cut-by-origin', [update([[1, 0, [struct(4, { root: 't' }, text('a🙂b'))]]]), update([[2, 0, [struct(4, { origin: [1, 1], right: [1, 2] }, text('|'))]]])])
  both('surrogates-cut-by-overlap', [update([[1, 0, [struct(4, { root: 't' }, text('a🙂'))]]]).slice(), update([[1, 2, [struct(4, { origin: [1, 1] }, text('?more'))]]])])
  both('big-clocks', [update([[9007199254740990, 0, [struct(4, { root: 't' }, text('big'))]], [1, 0, [struct(4, { origin: [9007199254740990, 1] }, text('small'))]]])])
  both('json-content', [update([[1, 0, [struct(2, { root: 'a' }, encoder => { number(encoder, 4); for (const json of ['{"b":1,"a":[1.50,"\\u00e9"]}', 'undefined', ' [ 1e2 ] ', '"\\ud83d"']) string(encoder, json) })]]])], 'JSON is printed anew')
  both('same-place-many', Array.from({ length: 12 }, (_, i) => update([[(i * 7) % 12, 0, [struct(4, { root: 't' }, text(String.fromCharCode(97 + i)))]]])))
  both('origins-interleaved', [hello, ...Array.from({ length: 8 }, (_, i) => update([[10 + ((i * 3) % 8), 0, [struct(4, { origin: [1, i % 3], right: [1, 4 - (i % 2)] }, text('' + i))]]]))], 'neighbours that were not next to each other')
  both('right-before-left', [hello, update([[2, 0, [struct(4, { origin: [1, 3], right: [1, 1] }, text('x'))]]])])
  both('empty-updates', [update([]), hello, update([]), update([], [[1]]), update([[5, 0, [struct(10, {}, counted(4))]]])])
}

// ---- bad updates: what is refused must change nothing ----

const bad = () => {
  const good = update([[3, 0, [struct(4, { origin: [1, 1], right: [1, 2] }, text('xyz')), struct(6, { origin: [3, 2] }, encoder => { string(encoder, 'b'); string(encoder, 'true') })]]], [[1, [0, 1]]])
  const base = [base64(update([[1, 0, [struct(4, { root: 't' }, text('abc'))]]]))]
  const addBad = (name, bytes, note) => add({ kind: 'invalid', name: `invalid/${name}`, enc: 'v1', base, update: base64(bytes), robust: 'error', ...(note ? { note } : {}) })
  for (let length = 0; length < good.length; length++) addBad(`cut-at-${length}`, good.slice(0, length))
  const one = write => update([[3, 0, [write]]])
  addBad('byte-behind', new Uint8Array([...good, 0]), 'Yjs does not look behind the end')
  addBad('json-behind-value', one(struct(5, { root: 't' }, text('1 2'))))
  addBad('json-control-character', one(struct(5, { root: 't' }, text('"\u0001"'))))
  addBad('json-leading-zero', one(struct(5, { root: 't' }, text('01'))))
  addBad('json-single-quotes', one(struct(5, { root: 't' }, text("'a'"))))
  addBad('json-trailing-comma', one(struct(5, { root: 't' }, text('[1,]'))))
  addBad('json-not-a-number', one(struct(5, { root: 't' }, text('NaN'))))
  addBad('type-of-unknown-kind', one(struct(7, { root: 't' }, counted(7))))
  addBad('struct-of-unknown-kind', one(struct(13, { root: 't' }, counted(1))))
  addBad('origin-not-yet-made', one(struct(4, { origin: [3, 0] }, text('x'))))
  addBad('delete-past-all-clocks', update([], [[1, [9007199254740991, 1]]]))
  addBad('clock-past-all-clocks', update([[3, 9007199254740991, [struct(4, { root: 't' }, text('x'))]]]))
}

sessions()
handmade()
bad()

const lines = cases.map(fields => JSON.stringify(fields) + '\n').join('')
const [mode, file] = process.argv[2] === '--compare' ? ['compare', process.argv[3]] : ['make', process.argv[2]]
if (mode === 'make') {
  fs.writeFileSync(file, lines)
  console.log(`${cases.length} cases, ${lines.length} bytes`)
} else if (fs.readFileSync(file, 'utf8') === lines) {
  console.log(`${file} holds these ${cases.length} cases`)
} else {
  console.error(`${file} differs from what Yjs makes now`)
  process.exitCode = 1
}
