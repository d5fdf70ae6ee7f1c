// Every cut and every changed byte of valid input: taken or refused, never more than that.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { file, startServer } from './server.mjs'
import { Writer } from './yjs.mjs'

const server = await startServer(file)

/** An update with every kind of content, and a delete set. */
const rich = () => {
  const doc = new Y.Doc()
  doc.clientID = 300
  doc.getText('t').applyDelta([{ insert: 'bold', attributes: { b: true } }, { insert: { i: 'x' } }])
  doc.getMap('m').set('k', { a: [1.5, null, 'x', new Uint8Array([1])] })
  doc.getMap('m').set('n', new Y.Array())
  doc.getArray('a').push([1, 'zwei', new Y.Doc({ guid: 'g' })])
  doc.getXmlFragment('x').insert(0, [new Y.XmlElement('p')])
  doc.getText('t').delete(1, 2)
  return Buffer.from(Y.encodeStateAsUpdate(doc))
}

const awareness = () => {
  const doc = new Y.Doc()
  doc.clientID = 300
  const states = new Awareness(doc)
  states.setLocalState({ name: 'Ada', cursor: [1, 2] })
  const update = Buffer.from(encodeAwarenessUpdate(states, [300]))
  states.destroy()
  return update
}

const changed = (bytes, at, value) => {
  const copy = Buffer.from(bytes)
  copy[at] = value
  return copy
}

/** Sends all of `inputs` in turn, some at a time; the statuses. */
const sendAll = async (inputs, send) => {
  const statuses = []
  const next = inputs.entries()
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (const [i, bytes] of next) statuses[i] = (await send(bytes, i)).status
  }))
  return statuses
}

const expectTakenOrRefused = (statuses, refused) => {
  const counts = new Map()
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
  for (const status of counts.keys()) assert.ok(status === 200 || status === 204 || status === refused, `status ${status}`)
  return counts
}

test('every truncation of an update is malformed', async () => {
  const update = rich()
  const cuts = Array.from({ length: update.length }, (_, len) => update.subarray(0, len))
  const statuses = await sendAll(cuts, bytes => server.post('cut', bytes))
  assert.deepEqual(statuses, cuts.map(() => 400))
  assert.equal((await server.get('/docs/cut')).json.created, null)
  assert.equal((await server.post('cut', update)).status, 200)
})

test('every byte of an update, changed: taken or refused', async () => {
  const update = rich()
  const inputs = []
  for (let at = 0; at < update.length; at++) {
    for (const value of [0, 0x7f, 0x80, 0xff, update[at] ^ 1, update[at] ^ 0x80, (update[at] + 1) & 0xff]) {
      inputs.push(changed(update, at, value))
    }
  }
  const statuses = await sendAll(inputs, (bytes, i) => server.post(`changed-${i % 40}`, bytes))
  const counts = expectTakenOrRefused(statuses, 400)
  assert.ok(counts.get(200) > 0 && counts.get(400) > 0, 'both happen')
  for (let i = 0; i < 40; i++) {
    const state = await server.get(`/docs/changed-${i}/state`)
    assert.equal(state.status, 200)
    Y.applyUpdate(new Y.Doc(), state.body) // what was taken is what Yjs can read
  }
})

test('every state after damage is a document that still takes edits', async () => {
  const writer = new Writer()
  for (let i = 0; i < 40; i++) assert.equal((await server.post(`changed-${i}`, writer.type('x'))).status, 200)
})

test('every cut and every changed byte of awareness: taken or refused', async () => {
  const update = awareness()
  const inputs = []
  for (let at = 0; at < update.length; at++) {
    inputs.push(update.subarray(0, at))
    for (const value of [0, 0x7f, 0x80, 0xff, update[at] ^ 1]) inputs.push(changed(update, at, value))
  }
  const send = body => server.request('POST', '/docs/aware/awareness', {
    headers: { 'content-type': 'application/octet-stream' }, body
  })
  expectTakenOrRefused(await sendAll(inputs, send), 400)
})

test('every changed byte of a state vector: answered or refused', async () => {
  const writer = new Writer()
  await server.post('vector', writer.type('hello'))
  const sv = Buffer.from(writer.stateVector)
  const inputs = []
  for (let at = 0; at < sv.length; at++) {
    inputs.push(sv.subarray(0, at))
    for (let value = 0; value < 256; value += 5) inputs.push(changed(sv, at, value))
  }
  expectTakenOrRefused(await sendAll(inputs, bytes => server.get(`/docs/vector/state?sv=${bytes.toString('base64url')}`)), 400)
})
