// POST /docs/{doc}/edits: what Yjs does for the same edits, all or nothing, one event.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { Stream, epochOf } from './sse.mjs'
import { docPath, file, startServer } from './server.mjs'
import { EMPTY, Writer, randomText } from './yjs.mjs'

const server = await startServer(file)

const postBody = (doc, body, query = '', headers = {}) =>
  server.request('POST', `${docPath(doc)}/edits${query}`, { headers: { 'content-type': 'application/json', ...headers }, body })
const post = (doc, edits, query) => postBody(doc, JSON.stringify({ edits }), query)
const made = async (doc, ...edits) => {
  const answer = await post(doc, edits)
  assert.equal(answer.status, 200, answer.text)
  return answer.json
}
const load = async doc => {
  const loaded = new Y.Doc()
  Y.applyUpdate(loaded, (await server.get(`${docPath(doc)}/state`)).body)
  return loaded
}

/** Makes an edit in Yjs, as the contract says what it means. */
const inYjs = (doc, edit) => {
  if (edit.as === 'text') {
    doc.getText(edit.root).applyDelta(edit.delta)
  } else if (edit.as === 'map') {
    for (const [key, value] of Object.entries(edit.set ?? {})) doc.getMap(edit.root).set(key, value)
    for (const key of edit.delete ?? []) doc.getMap(edit.root).delete(key)
  } else if (edit.insert) {
    doc.getArray(edit.root).insert(edit.insert.index, edit.insert.values)
  } else {
    doc.getArray(edit.root).delete(edit.delete.index, edit.delete.length)
  }
}

const reading = (doc, edits) => Object.fromEntries(edits.map(({ root, as }) => [root,
  as === 'text' ? doc.getText(root).toDelta() : as === 'map' ? doc.getMap(root).toJSON() : doc.getArray(root).toJSON()]))

/** The same edits here and in Yjs come to the same document. */
const compare = async (name, batches) => {
  const wanted = new Y.Doc()
  for (const edits of batches) {
    await made(name, ...edits)
    wanted.transact(() => { for (const edit of edits) inYjs(wanted, edit) })
    const loaded = await load(name)
    assert.deepEqual(reading(loaded, batches.flat()), reading(wanted, batches.flat()))
  }
}

test('the edits of the manual', async () => {
  await compare('manual', [
    [{ root: 'content', as: 'text', delta: [{ insert: 'hello, you there' }] },
      { root: 'todo', as: 'array', insert: { index: 0, values: [1, 2, 3] } },
      { root: 'meta', as: 'map', set: { old: 1 } }],
    [{ root: 'content', as: 'text', delta: [{ retain: 5 }, { insert: ' world', attributes: { bold: true } }, { delete: 2 }] },
      { root: 'meta', as: 'map', set: { title: 'Plan', tags: ['a', 'b'] }, delete: ['old'] },
      { root: 'todo', as: 'array', insert: { index: 0, values: [{ done: false }] } },
      { root: 'todo', as: 'array', delete: { index: 3, length: 1 } }]
  ])
})

test('texts: formats, embeds, characters outside the plane', async () => {
  await compare('rich', [
    [{ root: 't', as: 'text', delta: [{ insert: 'plain ' }, { insert: 'bold', attributes: { bold: true } }, { insert: ' 😀\n' }] }],
    [{ root: 't', as: 'text', delta: [{ retain: 6, attributes: { italic: true } }, { retain: 4, attributes: { bold: null } }] }],
    [{ root: 't', as: 'text', delta: [{ retain: 11 }, { delete: 2 }, { insert: { image: 'x.png', size: [1, 2] }, attributes: { width: 3 } }] }],
    [{ root: 't', as: 'text', delta: [{ insert: 7 }, { insert: '' }, { retain: 0 }, { delete: 0 }, { insert: 'a\u0000b"\\\u2028' }] }],
    [{ root: 't', as: 'text', delta: [] }]
  ])
})

test('values are those that JSON.parse gives', async () => {
  const body = '{"edits":[{"root":"m","as":"map","set":{"a":1,"b":-0,"c":9007199254740993,"d":1e21,"e":0.1,"f":5e-324,' +
    '"g":123456789012345678901234567890,"h":1.0,"i":1e400e,"__proto__":1}}]}'
  const numbers = body.replace(',"i":1e400e', '')
  assert.equal((await postBody('numbers', numbers)).status, 200)
  const wanted = JSON.parse(numbers).edits[0].set
  const loaded = (await load('numbers')).getMap('m')
  for (const key of Object.keys(wanted)) assert.ok(Object.is(loaded.get(key), wanted[key]), key)
  assertProblem(await postBody('numbers', body), 400, 'bad_request')
  await compare('values', [[
    { root: 'm', as: 'map', set: { null: null, nested: { b: [{}, [], '', { deep: [null, true, false] }], a: 1 }, '': 'empty', 'ключ': '鍵😀' } },
    { root: 'a', as: 'array', insert: { index: 0, values: [null, true, 'x', 1.5, [], {}, [[['y']]]] } },
    { root: '', as: 'array', insert: { index: 0, values: ['the root without a name'] } }
  ]])
})

test('edits made at random come to what Yjs comes to', async () => {
  let state = 7
  const random = n => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor(state / 2 ** 32 * n) }
  const twin = new Y.Doc()
  const edit = () => {
    const text = twin.getText('t').length
    const list = twin.getArray('a').length
    switch (random(6)) {
      case 0: return { root: 't', as: 'text', delta: [{ retain: random(text + 1) }, { insert: randomText(1 + random(9), random(1e6)), attributes: [{}, { b: true }, { c: random(3) }][random(3)] }] }
      case 1: { const at = random(text + 1); return { root: 't', as: 'text', delta: [{ retain: at }, { delete: Math.min(random(6), text - at) }] } }
      case 2: { const at = random(text + 1); return { root: 't', as: 'text', delta: [{ retain: at }, { retain: Math.min(random(9), text - at), attributes: [{ b: null }, { b: true }, { c: random(3) }][random(3)] }] } }
      case 3: return { root: 'm', as: 'map', set: { [`k${random(5)}`]: random(100) }, delete: [`k${random(5)}`] }
      case 4: return { root: 'a', as: 'array', insert: { index: random(list + 1), values: [random(9), { x: random(9) }].slice(random(2)) } }
      default: { const at = random(list + 1); return { root: 'a', as: 'array', delete: { index: at, length: Math.min(random(3), list - at) } } }
    }
  }
  const roots = [{ root: 't', as: 'text' }, { root: 'm', as: 'map' }, { root: 'a', as: 'array' }]
  for (let i = 0; i < 150; i++) {
    const edits = []
    for (let n = random(4); n >= 0; n--) { edits.push(edit()); inYjs(twin, edits.at(-1)) }
    await made('random', ...edits)
    if (i % 10 === 9) assert.deepEqual(reading(await load('random'), roots), reading(twin, roots))
  }
})

test('one event, whatever is in it, which streams see as one update', async t => {
  await made('event', { root: 't', as: 'text', delta: [{ insert: 'a' }] })
  const stream = new Stream(server, `${docPath('event')}/events`)
  t.after(() => stream.close())
  await stream.until(event => event.type === 'sync')
  const answer = await made('event', { root: 't', as: 'text', delta: [{ retain: 1 }, { insert: 'b' }] }, { root: 'm', as: 'map', set: { k: 1 } })
  assert.deepEqual(answer, { id: `2.${epochOf(answer.id)}`, changed: true, pending: false })
  const event = await stream.next()
  assert.equal(event.type, 'update')
  assert.equal(event.id, answer.id)
  assert.equal(stream.doc.getText('t').toString(), 'ab')
  assert.deepEqual(stream.doc.getMap('m').toJSON(), { k: 1 })
})

test('edits without effect are no event, and create nothing', async () => {
  for (const edits of [[], [{ root: 't', as: 'text', delta: [] }], [{ root: 'm', as: 'map', delete: ['none'] }],
    [{ root: 'a', as: 'array', insert: { index: 0, values: [] } }], [{ root: 'a', as: 'array', delete: { index: 0, length: 0 } }]]) {
    assert.deepEqual(await made('nothing', ...edits), { id: '0', changed: false, pending: false })
  }
  assert.equal((await server.get('/docs/nothing')).json.created, null)
  const head = await made('nothing', { root: 't', as: 'text', delta: [{ insert: 'x' }] })
  assert.deepEqual(await made('nothing', { root: 't', as: 'text', delta: [{ retain: 1 }] }), { ...head, changed: false })
})

test('every answer tells how the document stands: pending', async () => {
  const writer = new Writer()
  writer.type('a')
  const { missing } = (await server.post('edits-waiting', writer.type('b'))).json
  const nothing = await made('edits-waiting')
  assert.deepEqual(nothing, { id: nothing.id, changed: false, pending: true, missing })
  assert.equal((await server.post('edits-waiting', EMPTY)).json.pending, true)
  const something = await made('edits-waiting', { root: 'm', as: 'map', set: { a: 1 } })
  assert.deepEqual([something.changed, something.pending], [true, true])
  const restored = await server.request('POST', '/docs/edits-waiting/restore',
    { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ at: something.id }) })
  assert.deepEqual(restored.json, { ...something, changed: false })
  await server.post('edits-waiting', writer.updates[0])
  assert.equal((await made('edits-waiting')).pending, false)
})

test('an edit that does not fit is refused by its number, with all that came with it', async () => {
  await made('refusing', { root: 't', as: 'text', delta: [{ insert: 'a😀b' }] }, { root: 'a', as: 'array', insert: { index: 0, values: [1, 2] } })
  const before = await server.get('/docs/refusing/state')
  const good = { root: 'other', as: 'text', delta: [{ insert: 'never' }] }
  const refused = [
    [{ root: 't', as: 'text', delta: [{ retain: 5 }] }, /past the end/],
    [{ root: 't', as: 'text', delta: [{ retain: 2 }, { delete: 3 }] }, /surrogate|past the end/],
    [{ root: 't', as: 'text', delta: [{ retain: 9007199254740991 }, { delete: 9007199254740991 }] }, /past the end/],
    [{ root: 't', as: 'text', delta: [{ retain: 2 }, { insert: 'x' }] }, /surrogate/],
    [{ root: 't', as: 'text', delta: [{ delete: 2 }] }, /surrogate/],
    [{ root: 't', as: 'text', delta: [{ retain: 1 }, { retain: 1, attributes: { b: 1 } }] }, /surrogate/],
    [{ root: 't', as: 'text', delta: [{ insert: null }] }, /insert/],
    [{ root: 't', as: 'text', delta: [{ insert: 'x', delete: 1 }] }, /one of/],
    [{ root: 't', as: 'text', delta: [{}] }, /one of/],
    [{ root: 't', as: 'text', delta: [{ retain: -1 }] }, /whole/],
    [{ root: 't', as: 'text', delta: [{ delete: 0.5 }] }, /whole/],
    [{ root: 't', as: 'text', delta: [{ delete: 1, attributes: {} }] }, /attributes/],
    [{ root: 't', as: 'text', delta: [{ insert: 'x', attributes: [] }] }, /attributes/],
    [{ root: 't', as: 'text', delta: [{ insert: 'x', attribute: {} }] }, /operation/],
    [{ root: 't', as: 'text', delta: {} }, /delta/],
    [{ root: 't', as: 'text' }, /delta/],
    [{ root: 't', as: 'xml', delta: [] }, /as is/],
    [{ root: 5, as: 'text', delta: [] }, /root/],
    [{ as: 'text', delta: [] }, /root/],
    [[], /object/],
    [{ root: 'm', as: 'map' }, /map/],
    [{ root: 'm', as: 'map', set: [] }, /set/],
    [{ root: 'm', as: 'map', delete: { a: 1 } }, /keys/],
    [{ root: 'm', as: 'map', delete: [1] }, /keys/],
    [{ root: 'a', as: 'array', insert: { index: 3, values: [0] } }, /past the end/],
    [{ root: 'a', as: 'array', insert: { index: '0', values: [0] } }, /index/],
    [{ root: 'a', as: 'array', insert: { index: 0, values: 0 } }, /values/],
    [{ root: 'a', as: 'array', delete: { index: 1, length: 2 } }, /past the end/],
    [{ root: 'a', as: 'array', delete: { index: 1 } }, /length/],
    [{ root: 'a', as: 'array', insert: { index: 0, values: [] }, delete: { index: 0, length: 1 } }, /either/]
  ]
  for (const [bad, why] of refused) {
    const answer = await post('refusing', [good, bad, good])
    assertProblem(answer, 422, 'invalid_edit')
    assert.match(answer.json.detail, /^edits\[1\]: /)
    assert.match(answer.json.detail, why)
  }
  for (const body of ['5', '[]', '{}', '{"edits":{}}', '{"edits":[],"more":1}', 'null', '"x"']) {
    assertProblem(await postBody('refusing', body), 422, 'invalid_edit')
  }
  assert.deepEqual((await server.get('/docs/refusing/state')).body, before.body)
  assert.equal((await server.get('/docs/refusing')).json.events, 1)
})

test('what is not JSON is refused', async () => {
  for (const body of ['', '{', '{"edits":[]} x', "{'edits':[]}", '{"edits":[{"root":"\\ud800","as":"map","set":{}}]}', Buffer.of(0x22, 0xff, 0x22)]) {
    assertProblem(await postBody('unjson', body), 400, 'bad_request')
  }
  assert.equal((await server.get('/docs/unjson')).json.created, null)
})

test('a body of another type, or encoded, is refused', async () => {
  for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/octet-stream' }, { 'content-encoding': 'gzip' }]) {
    assertProblem(await postBody('typed', '{"edits":[]}', '', headers), 415, 'unsupported_media_type')
  }
  assert.equal((await postBody('typed', '{"edits":[]}', '', { 'content-type': 'Application/JSON; charset=utf-8' })).status, 200)
})

test('values may nest 512 deep', async () => {
  const nested = depth => '['.repeat(depth) + ']'.repeat(depth)
  const body = depth => `{"edits":[{"root":"m","as":"map","set":{"k":${nested(depth)}}}]}`
  assert.equal((await postBody('deep', body(512))).status, 200)
  for (const depth of [513, 2000, 5000, 100000]) {
    assertProblem(await postBody('deep', body(depth)), 422, 'invalid_edit')
  }
  assert.equal((await server.get('/docs/deep')).json.events, 1)
})

test('an epoch that is gone is refused, a deleted name too', async () => {
  const edits = [{ root: 't', as: 'text', delta: [{ insert: 'x' }] }]
  assertProblem(await post('epochs', edits, '?epoch=00000001'), 409, 'epoch_changed')
  const epoch = epochOf((await made('epochs', ...edits)).id)
  assert.equal((await post('epochs', edits, `?epoch=${epoch}`)).status, 200)
  assertProblem(await post('epochs', edits, '?epoch=x'), 400, 'bad_request')
  await server.delete('epochs')
  assertProblem(await post('epochs', edits), 410, 'document_deleted')
})

test('beside ordinary writers everybody has everything in the end', async () => {
  const writers = [new Writer(), new Writer(), new Writer()]
  const work = []
  for (let i = 0; i < 60; i++) {
    work.push(server.post('together', writers[i % 3].type(String.fromCharCode(97 + i % 26))))
    work.push(post('together', [{ root: 'content', as: 'text', delta: [{ insert: '#' }] }]))
    if (i % 4 === 0) work.push(post('together', [{ root: 'content', as: 'text', delta: [{ insert: '!' }] }, { root: 'content', as: 'array', delete: { index: 1e6, length: 1 } }]))
  }
  const answers = await Promise.all(work)
  assert.deepEqual([...new Set(answers.map(answer => answer.status))].sort(), [200, 422])
  const ids = answers.filter(answer => answer.status === 200).map(answer => parseInt(answer.json.id))
  assert.deepEqual(ids.sort((a, b) => a - b), Array.from({ length: 120 }, (_, i) => i + 1))
  const text = (await load('together')).getText('content').toString()
  assert.equal(text.length, 120)
  assert.equal(text.replaceAll('#', '').length, 60)
  assert.ok(!text.includes('!'))
})

test('large documents and large edits', async () => {
  const large = randomText(3_000_000)
  await compare('large', [
    [{ root: 't', as: 'text', delta: [{ insert: large }] }],
    [{ root: 't', as: 'text', delta: [{ retain: 1_500_000 }, { insert: 'middle' }, { delete: 10 }] }]
  ])
  assertProblem(await post('large', [{ root: 't', as: 'text', delta: [{ insert: 'x' }] }, { root: 't', as: 'text', delta: [{ retain: 4_000_000 }] }]), 422, 'invalid_edit')
  await compare('many', [[{ root: 'a', as: 'array', insert: { index: 0, values: Array.from({ length: 50_000 }, (_, i) => i) } }]])
})
