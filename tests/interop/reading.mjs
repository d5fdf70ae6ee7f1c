// One round of reading: the same updates go to a Yjs document and to weft, and both must show the same, now and as it was.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { peersWith } from './peers.mjs'
import { joined, parsed, plain, whole } from './plain.mjs'
import { randomFrom } from './random.mjs'

const { edits, scene } = peersWith(Y)

const delta = ops => joined(ops.map(({ insert, attributes }) => ({ insert: plain(insert), ...(attributes ? { attributes: plain(attributes) } : {}) })))
const textOf = bytes => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
const json = bytes => plain(parsed(bytes))

// How a root of each kind is read: by weft, and by Yjs.
const text = { text: [textOf, type => whole(Y.Text.prototype.toString.call(type))], delta: [bytes => joined(json(bytes)), type => delta(type.toDelta())], map: [json, type => plain(type.getAttributes())] }
const xml = { xml: [textOf, type => whole(type.toString())] }
const readings = {
  Text: text,
  XmlText: { ...text, ...xml },
  Array: { array: [json, type => plain(type)] },
  Map: { map: [json, type => plain(type)] },
  XmlFragment: xml
}

// A character that is cut later reads as two halves at every moment; what was read then may have had it whole.
const halved = value => JSON.parse(JSON.stringify(value).replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd\ufffd'))

const readingOf = (doc, roots) => {
  const found = []
  for (const name in roots) for (const [as, [, read]] of Object.entries(readings[roots[name]])) found.push([name, as, read(doc.share.get(name))])
  return found
}

const compare = async (engine, roots, expected, { at, look = value => value }, when) => {
  for (const [name, as, value] of expected) {
    const bytes = await engine.bytes('read', 0, Buffer.from(name), as, ...(at ? [at] : []))
    const got = readings[roots[name]][as][0](bytes)
    assert.deepEqual(look(got), look(value), `${as} of ${name} ${when}`)
  }
}

export const runReadingRound = async (engine, seed, options = {}) => {
  const random = randomFrom(seed)
  const gc = random.chance(0.5)
  const made = scene(random, options)
  const { roots } = made
  const yjs = new Y.Doc({ gc })
  yjs.clientID = 4294967294
  edits.define(yjs, roots)
  yjs.on('afterTransaction', transaction => { transaction._needFormattingCleanup = false })
  await engine.call('new', 0, gc ? 'gc' : 'nogc', 'nocleanup')
  const moments = []
  try {
    for (const [i, chunk] of made.chunks.entries()) {
      try {
        Y.applyUpdate(yjs, chunk, 'remote')
      } catch {
        return { whole: false } // Yjs cannot cut some GC structs
      }
      await engine.call('apply', 0, chunk)
      const expected = readingOf(yjs, roots)
      await compare(engine, roots, expected, {}, `after chunk ${i}`)
      if (!gc && random.chance(0.3)) moments.push({ at: Y.encodeSnapshot(Y.snapshot(yjs)), expected, i })
    }
    for (const { at, expected, i } of moments) await compare(engine, roots, expected, { at, look: halved }, `as it was after chunk ${i}`)
    return { whole: true, moments: moments.length }
  } catch (error) {
    error.message = `reading ${seed} (${made.family}, ${made.delivery}, gc ${gc ? 'on' : 'off'}): ${error.message}`
    throw error
  }
}

// Every character that Yjs lower-cases in the name of an element.
export const compareLowerCase = async engine => {
  const characters = Array.from({ length: 0x110000 }, (_, code) => code).filter(code => code < 0xd800 || code > 0xdfff).map(code => String.fromCodePoint(code))
  // weft knows the letters of Unicode 17; what a later one adds is nobody's mistake.
  assert.ok(Number(process.versions.unicode) <= 17, 'the table in crdt/base/lower.c is as old as Unicode 17')
  const doc = new Y.Doc()
  const names = []
  for (let i = 0; i < characters.length; i += 512) names.push(characters.slice(i, i + 512).filter(c => /\p{Assigned}/u.test(c)).join('x'))
  names.push('ΣΑΣ', 'ΑΣ', 'Σ', 'ΑΣΑ', 'ΑΣ.Α', "ΑΣ'", 'Α\u0301Σ', 'ΑΣ\u0301', '1Σ', 'aΣ b', 'İI', 'ªΣ')
  doc.getXmlFragment('x').insert(0, names.map(name => new Y.XmlElement(name)))
  await engine.call('new', 0, 'gc', 'nocleanup')
  await engine.call('apply', 0, Y.encodeStateAsUpdate(doc))
  const got = textOf(await engine.bytes('read', 0, Buffer.from('x'), 'xml')).split('><')
  const expected = doc.getXmlFragment('x').toString().split('><')
  for (const [i, part] of expected.entries()) assert.equal(got[i], part)
}
