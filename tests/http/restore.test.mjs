// POST /docs/{doc}/restore: what was comes back, as an edit like any other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { Stream, epochOf } from './sse.mjs'
import { docPath, file, startServer } from './server.mjs'
import { randomText } from './yjs.mjs'

const server = await startServer(file)

const postBody = (doc, body, query = '', headers = {}) =>
  server.request('POST', `${docPath(doc)}/restore${query}`, { headers: { 'content-type': 'application/json', ...headers }, body })
const post = (doc, at, query) => postBody(doc, JSON.stringify({ at }), query)
const restored = async (doc, at) => {
  const answer = await post(doc, at)
  assert.equal(answer.status, 200, answer.text)
  return answer.json
}

/** Neighbours with equal formats as one: a mark that says nothing new parts them in Yjs. */
const joined = delta => delta.reduce((all, op) => {
  const last = all.at(-1)
  const joins = last && typeof last.insert === 'string' && typeof op.insert === 'string' && isDeepStrictEqual(last.attributes, op.attributes)
  return joins ? [...all.slice(0, -1), { ...last, insert: last.insert + op.insert }] : [...all, op]
}, [])

/** All that an editor would see. */
const reading = doc => ({
  text: joined(doc.getText('text').toDelta()),
  map: doc.getMap('map').toJSON(),
  array: doc.getArray('array').toJSON(),
  xml: doc.getXmlFragment('xml').toString()
})
const load = async (doc, query = '') => {
  const loaded = new Y.Doc()
  Y.applyUpdate(loaded, (await server.get(`${docPath(doc)}/state${query}`)).body)
  return loaded
}
const EMPTY = reading(new Y.Doc())

const randomFrom = seed => n => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor(seed / 2 ** 32 * n)
}

/** A block as rich-text editors keep them: a container, what it holds, its text, perhaps more blocks. */
const block = (id, text, children = []) => {
  const container = new Y.XmlElement('blockContainer')
  container.setAttribute('id', id)
  const paragraph = new Y.XmlElement('paragraph')
  paragraph.setAttribute('textAlignment', 'left')
  const line = new Y.XmlText()
  line.insert(0, text)
  paragraph.insert(0, [line])
  container.insert(0, [paragraph])
  if (children.length > 0) {
    const group = new Y.XmlElement('blockGroup')
    group.insert(0, children)
    container.insert(1, [group])
  }
  return container
}

const nested = random => {
  const map = new Y.Map()
  map.set('n', random(100))
  const text = new Y.Text()
  text.insert(0, randomText(random(8), random(1e6)))
  map.set('text', text)
  map.set('list', Y.Array.from([random(9), 'x', { deep: [null] }]))
  return map
}

const lines = fragment => fragment.createTreeWalker(node => node instanceof Y.XmlText)

/** One edit somewhere, as people make them. */
const editSomething = (doc, random) => {
  const text = doc.getText('text')
  const map = doc.getMap('map')
  const array = doc.getArray('array')
  const xml = doc.getXmlFragment('xml')
  const at = random(text.length + 1)
  switch (random(14)) {
    case 0: case 1: return text.insert(at, randomText(1 + random(8), random(1e6)))
    case 2: return text.insert(at, '😀', [{}, { bold: true }][random(2)])
    case 3: return text.delete(at, Math.min(random(12), text.length - at))
    case 4: return text.format(at, Math.min(random(12), text.length - at), [{ bold: true }, { bold: null }, { link: { href: `#${random(3)}` } }][random(3)])
    case 5: return text.insertEmbed(at, { image: `${random(5)}.png` })
    case 6: return map.set(`k${random(4)}`, [random(50), null, { a: [1.5] }, nested(random)][random(4)])
    case 7: return map.delete(`k${random(4)}`)
    case 8: return array.insert(random(array.length + 1), [[random(9), Uint8Array.of(1, 2), nested(random), new Y.Array()][random(4)]])
    case 9: { const from = random(array.length + 1); return array.delete(from, Math.min(random(3), array.length - from)) }
    case 10: return xml.insert(random(xml.length + 1), [block(randomText(4, random(1e6)), randomText(6, random(1e6)), random(3) ? [] : [block('child', 'inner')])])
    case 11: { const from = random(xml.length + 1); return xml.delete(from, Math.min(random(2), xml.length - from)) }
    case 12: {
      const all = [...lines(xml)]
      if (all.length === 0) return
      const line = all[random(all.length)]
      return random(2) ? line.insert(random(line.length + 1), '!?', { strong: {} }) : line.delete(0, Math.min(2, line.length))
    }
    default: {
      const inner = map.get(`k${random(4)}`)
      if (inner instanceof Y.Map) inner.get('text')?.insert(0, '*')
      const child = xml.get(0)
      if (child instanceof Y.XmlElement) child.setAttribute('id', `id-${random(5)}`)
    }
  }
}

class Person {
  constructor (doc) {
    this.name = doc
    this.doc = new Y.Doc()
    this.updates = []
    this.doc.on('update', (update, origin) => { if (origin !== 'heard') this.updates.push(update) })
  }

  /** Posts what was edited since; the last id. */
  async send () {
    let id = null
    for (const update of this.updates.splice(0)) {
      const answer = await server.post(this.name, update)
      assert.equal(answer.status, 200)
      id = answer.json.id
    }
    return id
  }

  hear (update) { Y.applyUpdate(this.doc, update, 'heard') }
}

test('whatever people edited, each moment comes back, and collaborators see it', async t => {
  for (const seed of [1, 2, 3, 4]) {
    const name = `people-${seed}`
    const random = randomFrom(seed)
    const people = [new Person(name), new Person(name)]
    const stream = new Stream(server, `${docPath(name)}/events`)
    t.after(() => stream.close())
    const moments = new Map([['0', EMPTY]])
    let head = '0'
    const note = async id => {
      head = id
      const all = await load(name)
      const difference = Y.encodeStateAsUpdate(all)
      for (const person of people) person.hear(difference)
      moments.set(id, reading(all))
    }
    for (let step = 0; step < 60; step++) {
      if (step % 6 === 5) {
        const ids = [...moments.keys()]
        const at = ids[random(ids.length)]
        const isThere = isDeepStrictEqual(moments.get(head), moments.get(at))
        const answer = await restored(name, at)
        assert.deepEqual(reading(await load(name)), moments.get(at), `seed ${seed}, step ${step}: restored to ${at}`)
        if (isThere) assert.equal(answer.changed, false)
        assert.deepEqual(await restored(name, at), { ...answer, changed: false })
        await note(answer.id)
      } else {
        const person = people[random(2)]
        for (let n = random(5); n >= 0; n--) person.doc.transact(() => editSomething(person.doc, random))
        const id = await person.send()
        if (id !== null) await note(id)
      }
    }
    await stream.until(event => event.id === head)
    assert.deepEqual(reading(stream.doc), moments.get(head))
    assert.deepEqual(reading(people[1].doc), moments.get(head))
    for (const [id, wanted] of moments) {
      if (id !== '0') assert.deepEqual(reading(await load(name, `?at=${id}`)), wanted)
    }
  }
})

test('a restore is one event, and is taken back like any other', async t => {
  const person = new Person('back')
  person.doc.getText('text').insert(0, 'first')
  const first = await person.send()
  person.doc.getText('text').insert(5, ' and second', { bold: true })
  const second = await person.send()
  const stream = new Stream(server, `${docPath('back')}/events`)
  t.after(() => stream.close())
  await stream.until(event => event.type === 'sync')
  const answer = await restored('back', first)
  assert.deepEqual(answer, { id: `3.${epochOf(first)}`, changed: true, pending: false })
  const event = await stream.next()
  assert.equal(event.type, 'update')
  assert.equal(event.id, answer.id)
  assert.deepEqual(stream.doc.getText('text').toDelta(), [{ insert: 'first' }])
  await restored('back', second)
  assert.deepEqual((await load('back')).getText('text').toDelta(), [{ insert: 'first' }, { insert: ' and second', attributes: { bold: true } }])
  await restored('back', answer.id)
  assert.equal((await load('back')).getText('text').toString(), 'first')
  assert.equal((await server.get('/docs/back')).json.events, 5)
})

test('at 0 every root is emptied, and nothing is erased', async () => {
  const person = new Person('zero')
  const random = randomFrom(9)
  for (let i = 0; i < 40; i++) editSomething(person.doc, random)
  const full = reading(person.doc)
  const id = await person.send()
  assert.equal((await restored('zero', '0')).changed, true)
  assert.deepEqual(reading(await load('zero')), EMPTY)
  assert.equal((await restored('zero', '0')).changed, false)
  await restored('zero', id)
  assert.deepEqual(reading(await load('zero')), full)
})

test('who was away and edits what was restored keeps what they wrote', async () => {
  const here = new Person('away')
  const away = new Person('away')
  here.doc.getText('text').insert(0, 'one two')
  const first = await here.send()
  away.hear(Y.encodeStateAsUpdate(here.doc))
  here.doc.getText('text').delete(3, 4)
  await here.send()
  away.doc.getText('text').insert(7, ' three')
  await restored('away', first)
  await away.send()
  assert.equal((await load('away')).getText('text').toString(), 'one two three')
})

test('a document that never was has a moment: 0', async () => {
  assert.deepEqual(await restored('never', '0'), { id: '0', changed: false, pending: false })
  assertProblem(await post('never', '1'), 404, 'event_unknown')
  assertProblem(await post('never', '1.00000001'), 410, 'event_gone')
  assertProblem(await post('never', '0', '?epoch=00000001'), 409, 'epoch_changed')
  assert.equal((await server.get('/docs/never')).json.created, null)
})

test('ids that are not of this document are refused', async () => {
  const person = new Person('ids')
  person.doc.getText('text').insert(0, 'x')
  const epoch = epochOf(await person.send())
  assertProblem(await post('ids', `2.${epoch}`), 404, 'event_unknown')
  assertProblem(await post('ids', '2'), 404, 'event_unknown')
  assertProblem(await post('ids', `1.${epoch === '00000001' ? '00000002' : '00000001'}`), 410, 'event_gone')
  for (const body of ['', '{', '"1"', '{}', '{"at":1}', '{"at":"x"}', '{"at":"-1"}', '{"at":"1","more":2}', '{"at":"1","at":"1"}', '[]']) {
    assertProblem(await postBody('ids', body), 400, 'bad_request')
  }
  assertProblem(await postBody('ids', '{"at":"1"}', '', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type')
  assertProblem(await postBody('ids', `{"at":"${'1'.repeat(10_000)}"}`), 413, 'too_large')
  assertProblem(await post('ids', '1', '?epoch=00000001'), 409, 'epoch_changed')
  assert.equal((await post('ids', '1', `?epoch=${epoch}`)).json.changed, false)
  await server.delete('ids')
  assertProblem(await post('ids', '1'), 410, 'document_deleted')
})

test('beside writers in full flow', async () => {
  const person = new Person('flow')
  person.doc.getText('text').insert(0, 'a line to come back to\n')
  const first = await person.send()
  const work = []
  for (let i = 0; i < 40; i++) {
    person.doc.getText('text').insert(person.doc.getText('text').length, 'x')
    work.push(person.send())
    if (i % 8 === 0) work.push(post('flow', first))
  }
  await Promise.all(work)
  await restored('flow', first)
  assert.equal((await load('flow')).getText('text').toString(), 'a line to come back to\n')
})

test('large documents', async () => {
  const person = new Person('large')
  for (let i = 0; i < 300; i++) person.doc.getXmlFragment('xml').push([block(`b${i}`, randomText(2000, i))])
  person.doc.getText('text').insert(0, randomText(1_500_000))
  const full = reading(person.doc)
  const id = await person.send()
  person.doc.getText('text').delete(1000, 1_000_000)
  person.doc.getXmlFragment('xml').delete(10, 200)
  await person.send()
  const [answer, other] = await Promise.all([restored('large', id), server.get('/docs/large/state-vector')])
  assert.equal(other.status, 200)
  assert.equal(answer.changed, true)
  assert.deepEqual(reading(await load('large')), full)
  await restored('large', '0')
  await restored('large', id)
  assert.equal((await restored('large', id)).changed, false)
  assert.deepEqual(reading(await load('large')), full)
})
