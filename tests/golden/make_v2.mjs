// Writes golden cases of update format v2: node make_v2.mjs FILE. With --compare, says whether the file holds just these.
import fs from 'node:fs'
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'

const cases = []
const base64 = bytes => Buffer.from(bytes).toString('base64')
const add = fields => cases.push(fields)

// ---- updates made by hand ----

const text = string => new Y.ContentString(string)
// A content of that kind, and of so many units, as `write` puts it.
const made = (kind, length, write) => ({ getLength: () => length, getRef: () => kind, isCountable: () => true, write })
// References are [client, clock]; a parent is the name of a root or a reference.
const item = (content, { origin, right, parent = 't', sub = null } = {}) => ({ content, origin, right, parent, sub })
const idOf = reference => (reference ? Y.createID(...reference) : null)
const structOf = (client, clock, { content, origin, right, parent, sub }) => new Y.Item(Y.createID(client, clock), null, idOf(origin), null, idOf(right), typeof parent === 'string' ? parent : idOf(parent), sub, content)

// sections: [client, clock, [item, ...]]; deletes: [client, [clock, length], ...]
const write = (encoder, sections, deletes) => {
  encoding.writeVarUint(encoder.restEncoder, sections.length)
  for (const [client, first, items] of sections) {
    encoding.writeVarUint(encoder.restEncoder, items.length)
    encoder.writeClient(client)
    let clock = first
    encoding.writeVarUint(encoder.restEncoder, clock)
    for (const each of items) {
      structOf(client, clock, each).write(encoder, 0)
      clock += each.content.getLength()
    }
  }
  encoding.writeVarUint(encoder.restEncoder, deletes.length)
  for (const [client, ...ranges] of deletes) {
    encoder.resetDsCurVal()
    encoding.writeVarUint(encoder.restEncoder, client)
    encoding.writeVarUint(encoder.restEncoder, ranges.length)
    for (const [clock, length] of ranges) {
      encoder.writeDsClock(clock)
      encoder.writeDsLen(length)
    }
  }
  return encoder.toUint8Array()
}
const v2 = (sections, deletes = []) => write(new Y.UpdateEncoderV2(), sections, deletes)
const v1 = (sections, deletes = []) => write(new Y.UpdateEncoderV1(), sections, deletes)

// ---- what Yjs makes of them ----

// Some values cannot be printed as JSON, and Yjs throws.
const unlessThrown = make => {
  try {
    return base64(make())
  } catch {
    return undefined
  }
}

const held = doc => ({
  sv: base64(Y.encodeStateVector(doc)),
  v1: unlessThrown(() => Y.encodeStateAsUpdate(doc)),
  v2: base64(Y.encodeStateAsUpdateV2(doc)),
  pending: { missing: doc.store.pendingStructs && Object.fromEntries(doc.store.pendingStructs.missing), ds: doc.store.pendingDs !== null }
})

const addApply = (enc, name, updates, { gc = true } = {}) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = 4294967294 // writes nothing
  for (const update of updates) (enc === 'v1' ? Y.applyUpdate : Y.applyUpdateV2)(doc, update, 'remote')
  add({ kind: 'apply', name: `${name}/${enc}`, enc, gc, roots: {}, updates: updates.map(base64), expect: held(doc) })
}

const addConvert = (enc, name, update) => {
  const expect = unlessThrown(() => (enc === 'v1' ? Y.convertUpdateFormatV1ToV2 : Y.convertUpdateFormatV2ToV1)(update))
  if (expect) add({ kind: 'convert', name: `convert/${name}/${enc}`, enc, update: base64(update), expect })
}

const addMerge = (name, updates) => add({ kind: 'merge', name: `merge/${name}/v2`, enc: 'v2', updates: updates.map(base64), expect: base64(Y.mergeUpdatesV2(updates)) })

const addDiff = (name, update, clocks) => {
  const sv = Y.encodeStateVector(new Map(clocks))
  add({ kind: 'diff', name: `diff/${name}/v2`, enc: 'v2', update: base64(update), sv: base64(sv), expect: base64(Y.diffUpdateV2(update, sv)) })
}

// ---- unpaired surrogates ----

// In the row of all strings of an update two halves stand together; in two texts they are apart.
const halves = () => {
  const apart = v2([[5, 0, [item(text('p\ud83d'))]], [4, 0, [item(text('\ude00r'), { parent: 'u' })]]])
  const more = { ascii: 'qz', two: 'éz', three: '語z', four: '🙂z', low: '\ude00z' }
  for (const [kind, string] of Object.entries(more)) {
    // A high half of another client makes the low one at the beginning survive.
    const lead = string.startsWith('\ude00') ? [[6, 0, [item(text('\ud83d'), { parent: 'w' })]]] : []
    const behind = v2([...lead, [5, 2, [item(text(string), { origin: [5, 1] })]]])
    addApply('v2', `halves/joined-${kind}`, [apart, behind])
    addApply('v2', `halves/joined-${kind}-later`, [behind, apart])
    for (let unit = 0; unit < 2 + string.length; unit++) {
      for (const gc of [true, false]) addApply('v2', `halves/joined-${kind}-deleted-${unit}-gc-${gc}`, [apart, behind, v2([], [[5, [unit, 1]]])], { gc })
    }
    addApply('v2', `halves/joined-${kind}-cut-by-origin`, [apart, behind, v2([[2, 0, [item(text('|'), { origin: [5, 1], right: [5, 2] })]]])])
    addApply('v2', `halves/joined-${kind}-overlapped`, [apart, v2([...lead, [5, 1, [item(text('\ud83d' + string), { origin: [5, 0] })]]])])
    for (const clock of [1, 2, 3]) addDiff(`halves/${kind}-${clock}`, Y.mergeUpdatesV2([apart, behind]), [[5, clock]])
    addMerge(`halves/${kind}`, [apart, behind])
    addMerge(`halves/${kind}-overlapping`, [behind, apart, v2([...lead, [5, 1, [item(text('\ud83d' + string + '!'), { origin: [5, 0] })]]])])
  }
  addConvert('v2', 'halves', apart)
  const row = v2([[3, 0, [item(text('a\ud83d')), item(text('\ude00\ud83d'), { origin: [9, 0] }), item(text('\ude00b'), { origin: [9, 1] })]]])
  const first = v2([[9, 0, [item(text('xy'))]]])
  addApply('v2', 'halves/row', [first, row])
  addApply('v2', 'halves/row-waiting', [row])
  addApply('v2', 'halves/row-waited', [row, first])
  addApply('v2', 'halves/row-twice', [row, v2([[8, 0, [item(text('\ude00'), { origin: [9, 1] })]]]), first])
  // What goes takes the half with it to which the one that goes on waiting belongs.
  const second = v2([[7, 0, [item(text('z'))]]])
  const pair = (high, low) => [[5, 0, [item(text('p\ud83d'), { origin: high })]], [4, 0, [item(text('\ude00r'), { origin: low })]]]
  for (const [name, waiting] of [['high', pair([9, 0], [7, 0])], ['low', pair([7, 0], [9, 0])]]) {
    addApply('v2', `halves/${name}-goes-first`, [v2(waiting), first])
    addApply('v2', `halves/${name}-goes-first-and-the-other-follows`, [v2(waiting), first, second])
    addApply('v2', `halves/${name}-goes-first-merged`, [v2(waiting.slice(1)), v2(waiting.slice(0, 1)), v2(waiting), first, second])
  }
  for (const clock of [1, 2, 3, 4, 5]) {
    addApply('v2', `halves/row-deleted-${clock}`, [first, row, v2([], [[3, [clock, 1]]])])
    addDiff(`halves/row-${clock}`, row, [[3, clock]])
  }
  addConvert('v2', 'halves-row', row)
}

// ---- values of embeds and formats ----

const values = {
  undefined: undefined,
  'minus-zero': -0,
  nan: NaN,
  infinity: Infinity,
  'minus-infinity': -Infinity,
  bigint: 5n,
  'least-bigint': -9223372036854775808n,
  bytes: new Uint8Array([1, 255]),
  'no-bytes': new Uint8Array(),
  'big-number': 2 ** 53,
  fraction: 0.1,
  narrow: 0.5,
  'member-undefined': { a: 1, b: undefined, c: [undefined] },
  'deep-minus-zero': [{ a: [-0] }],
  'order-of-keys': { b: 1, 10: 2, 9: 3 },
  escapes: '"\\\n\u0001\u2028😀',
  'long-array': Array.from({ length: 200 }, (_, i) => i),
  nested: { a: { b: [null, true, { c: 'd' }] } }
}

const valueCases = () => {
  for (const [name, value] of Object.entries(values)) {
    const embed = v2([[1, 0, [item(text('ab')), item(new Y.ContentEmbed(value), { origin: [1, 1] })]]])
    const format = v2([[1, 0, [item(new Y.ContentFormat('bold', value)), item(text('x'), { origin: [1, 0] }), item(new Y.ContentFormat('bold', null), { origin: [1, 1] })]]])
    addApply('v2', `values/embed-${name}`, [embed])
    addApply('v2', `values/format-${name}`, [format])
    addConvert('v2', `values-embed-${name}`, embed)
    addConvert('v2', `values-format-${name}`, format)
    addMerge(`values/${name}`, [embed, v2([[2, 0, [item(new Y.ContentEmbed(value), { origin: [1, 0] })]]])])
    addApply('v2', `values/waiting-${name}`, [v2([[2, 0, [item(new Y.ContentEmbed(value), { origin: [1, 0] }), item(new Y.ContentFormat('k', value), { origin: [2, 0] })]]])])
  }
}

// JSON text that Yjs reads and prints otherwise; written as it stands.
const raw = json => made(5, 1, encoder => encoder.writeString(json))
const texts = ['-0', '1e400', '-1e400', '[-0,1]', '{"a":-0,"a":1}', '{"a":1,"a":-0}', '"\\ud83d"', '"\\ud83d\\ude00"', '{"\\udc00":-0}', '{"__proto__":1}', '{"__proto__":{"a":-0}}', '{"__proto__":{"toString":1},"b":2}', ' { "b" : 1 , "1" : [ ] } ', '1.0', '1E3']

const jsonCases = () => {
  for (const [i, json] of texts.entries()) {
    const base = v1([[1, 0, [item(text('ab'))]]])
    const embed = v1([[2, 0, [item(raw(json), { origin: [1, 0] })]]])
    addApply('v1', `json/${i}`, [base, embed])
    addApply('v1', `json/${i}-waiting`, [embed])
    addApply('v1', `json/${i}-waited`, [embed, base])
    addConvert('v1', `json-${i}`, embed)
  }
}

// ---- keys and names, and how they are numbered ----

const elements = () => {
  const element = name => new Y.ContentType(new Y.XmlElement(name))
  const hook = name => new Y.ContentType(new Y.XmlHook(name))
  const bold = value => new Y.ContentFormat('bold', value)
  const update = v2([[7, 0, [item(element('p'), { parent: 'x' }), item(hook('p'), { origin: [7, 0] }), item(element('p'), { origin: [7, 1] }), item(bold(true), { parent: 't' }), item(text('b'), { origin: [7, 3] }), item(bold(null), { origin: [7, 4] }), item(text('in'), { parent: [7, 0], sub: 'id' }), item(new Y.ContentAny(['v', 2]), { parent: [7, 2], sub: '' })]]])
  addApply('v2', 'names', [update])
  addConvert('v2', 'names', update)
  addDiff('names', update, [[7, 2]])
  addMerge('names', [update, v2([[6, 0, [item(element('p'), { origin: [7, 0] })]]])])
}

// An encoder that gives a key that it had before its old number, as the format allows and Yjs does not.
class Numbering extends Y.UpdateEncoderV2 {
  writeKey (key) {
    const number = this.keyMap.get(key)
    this.keyClockEncoder.write(number ?? this.keyMap.size)
    if (number !== undefined) return
    this.stringEncoder.write(key)
    this.keyMap.set(key, this.keyMap.size)
  }
}

const numberedKeys = () => {
  const bold = value => new Y.ContentFormat('bold', value)
  const update = write(new Numbering(), [[7, 0, [item(bold(true)), item(text('b'), { origin: [7, 0] }), item(bold(null), { origin: [7, 1] }), item(new Y.ContentFormat('i', 1), { origin: [7, 2] }), item(bold(1), { origin: [7, 3] })]]], [])
  addApply('v2', 'numbered-keys', [update])
  addConvert('v2', 'numbered-keys', update)
}

// ---- bad updates ----

// Numbers, or strings, or bytes whose last one goes on without end.
const columns = { keyClockEncoder: 7, clientEncoder: 7, leftClockEncoder: 7, rightClockEncoder: 7, infoEncoder: 3, stringEncoder: 'x', parentInfoEncoder: 3, typeRefEncoder: 7, lenEncoder: 7 }

// An encoder with a column that lacks its last byte, and with one that has a value more than is read.
const withShort = name => {
  const encoder = new Y.UpdateEncoderV2()
  const column = encoder[name]
  if (column.toUint8Array) {
    const whole = column.toUint8Array.bind(column)
    column.toUint8Array = () => whole().slice(0, -1)
  } else {
    column.write = () => {}
  }
  return encoder
}
const withUnread = (name, value) => {
  const encoder = new Y.UpdateEncoderV2()
  const whole = encoder.toUint8Array.bind(encoder)
  encoder.toUint8Array = () => {
    encoder[name].write(value)
    return whole()
  }
  return encoder
}

const bad = () => {
  const base = [base64(v1([[1, 0, [item(text('abc'))]]]))]
  const sections = [[3, 0, [item(text('x'), { origin: [1, 1], right: [1, 2] }), item(new Y.ContentFormat('b', 1), { origin: [3, 0] }), item(new Y.ContentType(new Y.Map()), { parent: 'u' }), item(new Y.ContentDeleted(2), { origin: [3, 2] })]]]
  const good = v2(sections, [[1, [0, 1]]])
  const addBad = (name, update, robust = 'error') => add({ kind: 'invalid', name: `invalid/v2/${name}`, enc: 'v2', base, update: base64(update), robust })
  for (let length = 0; length < good.length; length++) addBad(`cut-at-${length}`, good.slice(0, length))
  for (const [name, value] of Object.entries(columns)) {
    addBad(`${name}-short`, write(withShort(name), sections, [[1, [0, 1]]]))
    addBad(`${name}-unread`, write(withUnread(name, value), sections, [[1, [0, 1]]]))
  }
  addBad('behind-the-end', new Uint8Array([...good, 0]))
  addBad('type-of-unknown-kind', v2([[3, 0, [item(made(7, 1, encoder => encoder.writeTypeRef(7)))]]]))
  addBad('struct-of-unknown-kind', v2([[3, 0, [item(made(13, 1, () => {}))]]]))
  addBad('empty-text', v2([[3, 0, [item(made(4, 0, encoder => encoder.writeString('')))]]]))
  addBad('nothing-deleted', v2([[3, 0, [item(made(1, 0, encoder => encoder.writeLen(0)))]]]))
  addBad('origin-not-yet-made', v2([[3, 0, [item(text('x'), { origin: [3, 0] })]]]))
  addBad('delete-past-all-clocks', v2([], [[1, [9007199254740991, 1]]]))
  addBad('clock-past-all-clocks', v2([[3, 9007199254740991, [item(text('x'), { origin: [1, 0] })]]]))
  addBad('json-malformed', v2([[3, 0, [item(made(2, 1, encoder => { encoder.writeLen(1); encoder.writeString('{') }))]]]))
  // A long key told by its number again and again: what came out would be many times as long.
  const long = 'k'.repeat(20000)
  addBad('key-bomb', write(new Numbering(), [[3, 0, Array.from({ length: 12000 }, (_, i) => item(new Y.ContentFormat(long, null), i ? { origin: [3, i - 1] } : {}))]], []))
}

halves()
valueCases()
jsonCases()
elements()
numberedKeys()
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
