// GET /docs/{doc}/content/{root}: one root, read, now and as it was, in every form.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { docPath, file, startServer } from './server.mjs'
import { Writer, randomText } from './yjs.mjs'

const server = await startServer(file)

const TYPES = {
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  delta: 'application/json',
  map: 'application/json',
  array: 'application/json',
  xml: 'application/xml; charset=utf-8'
}

const contentPath = (doc, root, query = '') => `${docPath(doc)}/content/${encodeURIComponent(root)}${query}`
const content = (doc, root, query, headers) => server.get(contentPath(doc, root, query), headers)

/** One root in one form, checked to be said to be that. */
const read = async (doc, root, as, at) => {
  const answer = await content(doc, root, `?as=${as}${at ? `&at=${at}` : ''}`)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['content-type'], TYPES[as])
  return TYPES[as] === 'application/json' ? answer.json : answer.text
}

/** Posts what `edit` does to a document, as one event; its id. */
const edited = async (name, doc, edit) => {
  const before = Y.encodeStateVector(doc)
  doc.transact(() => edit(doc))
  const { id } = (await server.post(name, Y.encodeStateAsUpdate(doc, before))).json
  return id
}

const element = (name, attributes, ...children) => {
  const made = new Y.XmlElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.insert(0, children.map(child => typeof child === 'string' ? new Y.XmlText(child) : child))
  return made
}

test('a text: plain, as a delta, as JSON', async () => {
  const doc = new Y.Doc()
  await edited('text', doc, () => doc.getText('t').applyDelta([
    { insert: 'bold', attributes: { bold: true } }, { insert: ' \u{1f33e}é"<&\n' }, { insert: { image: 'x.png' } }, { insert: 'end', attributes: { link: { href: '"' } } }
  ]))
  assert.equal(await read('text', 't', 'text'), doc.getText('t').toString())
  assert.deepEqual(await read('text', 't', 'delta'), doc.getText('t').toDelta())
  assert.equal(await read('text', 't', 'json'), doc.getText('t').toJSON())
})

test('a map and an array, with everything nested in them', async () => {
  const doc = new Y.Doc()
  await edited('nested', doc, () => {
    const [text, list] = [new Y.Text('inner'), new Y.Array()]
    list.push([1, [2, { three: 3 }], new Y.Map([['deep', true]])])
    doc.getMap('m').set('text', text)
    doc.getMap('m').set('list', list)
    doc.getMap('m').set('plain', { a: [1.5, null, -0.25, 'ü', true] })
    doc.getMap('m').set('ключ "\\\n', 'v')
    doc.getArray('a').push(['x', new Y.Map([['k', 'v']]), new Y.Array(), null, 1e300])
  })
  assert.deepEqual(await read('nested', 'm', 'map'), doc.getMap('m').toJSON())
  assert.deepEqual(await read('nested', 'm', 'json'), doc.getMap('m').toJSON())
  assert.deepEqual(await read('nested', 'a', 'array'), doc.getArray('a').toJSON())
  assert.deepEqual(await read('nested', 'a', 'json'), doc.getArray('a').toJSON())
})

test('what JSON cannot say', async () => {
  const doc = new Y.Doc()
  await edited('values', doc, () => {
    const map = doc.getMap('m')
    map.set('binary', new Uint8Array([0, 255, 16]))
    map.set('undefined', undefined)
    map.set('nan', NaN)
    map.set('infinite', -Infinity)
    map.set('small', 9007199254740991n)
    map.set('big', 9007199254740993n)
    map.set('negative', -9007199254740993n)
    map.set('doc', new Y.Doc({ guid: 'g-1' }))
  })
  assert.deepEqual(await read('values', 'm', 'json'), {
    binary: 'AP8Q', undefined: null, nan: null, infinite: null, small: 9007199254740991, big: '9007199254740993', negative: '-9007199254740993', doc: { guid: 'g-1' }
  })
})

test('XML is well-formed, and is its string in JSON', async () => {
  const doc = new Y.Doc()
  await edited('xml', doc, () => doc.getXmlFragment('x').insert(0, [
    element('p', { class: 'a', id: '1' }, 'plain'), element('ul', {}, element('li', { n: '2' }), element('li', {}))
  ]))
  assert.equal(await read('xml', 'x', 'xml'), doc.getXmlFragment('x').toString())
  assert.equal(await read('xml', 'x', 'json'), doc.getXmlFragment('x').toJSON())
  await edited('xml', doc, () => doc.getXmlFragment('x').push([element('p', { 'a b<': '"<&>\u0001' }, 'x < y & "z" ]]> \u0002')]))
  const text = await read('xml', 'x', 'xml')
  assert.ok(text.includes('a_b_="&quot;&lt;&amp;'), text)
  assert.ok(/x &lt; y &amp; .*\]\]&gt; \ufffd<\/p>$/.test(text), text)
})

test('a root is read as whatever it is asked for as', async () => {
  const doc = new Y.Doc()
  await edited('both', doc, () => {
    doc.getMap('r').set('k', 1)
    doc.getArray('list').push([1, 'two'])
  })
  const again = new Y.Doc()
  Y.applyUpdate(again, (await server.get('/docs/both/state')).body)
  assert.deepEqual(await read('both', 'r', 'array'), again.getArray('r').toJSON())
  assert.equal(await read('both', 'r', 'text'), '')
  assert.deepEqual(await read('both', 'list', 'map'), {})
  assert.deepEqual(await read('both', 'list', 'delta'), [])
  assert.equal((await content('both', 'r')).text, '{"k":1}', 'json is what is meant')
})

test('a root that is not there, and a document that is not, are empty', async () => {
  const empty = { json: 'null', text: '', delta: '[]', map: '{}', array: '[]', xml: '' }
  await server.post('some', new Writer().type('x'))
  await server.put('created')
  for (const doc of ['some', 'created', 'none']) {
    for (const [as, expected] of Object.entries(empty)) {
      const answer = await content(doc, 'absent', `?as=${as}`)
      assert.equal(answer.status, 200)
      assert.equal(answer.text, expected, `${doc} as ${as}`)
      assert.equal(answer.headers['content-type'], TYPES[as])
      assert.equal((await content(doc, 'absent', `?as=${as}&at=0`)).text, expected)
    }
  }
  assert.equal((await content('none', 'absent')).headers['event-id'], '0')
  assert.equal((await server.get('/docs/none')).json.created, null, 'and is not made by looking')
  const { writer } = { writer: new Writer() }
  await server.post('emptied', writer.type('abc'))
  await server.post('emptied', writer.delete(0, 3))
  assert.equal(await read('emptied', 'content', 'text'), '')
})

test('names of roots: any UTF-8, percent-encoded; none is the root named so', async () => {
  const names = ['', 'a b', 'ü/ö', '🌾', '%', '?#', '..', '.', '{root}', 'a\u0000b', '+', 'x'.repeat(3000)]
  const doc = new Y.Doc()
  for (const [i, name] of names.entries()) await edited('names', doc, () => doc.getText(name).insert(0, `text ${i}`))
  for (const [i, name] of names.entries()) {
    const path = `/docs/names/content/${encodeURIComponent(name).replace(/^\.\.?$/, dots => dots.replaceAll('.', '%2e'))}?as=text`
    assert.equal((await server.get(path)).text, `text ${i}`, name)
  }
  assert.equal((await server.get('/docs/names/content/?as=text')).text, 'text 0')
  for (const bad of ['%ff', '%zz', '%c3%28', '%ed%a0%80', '%']) assertProblem(await server.get(`/docs/names/content/${bad}`), 400, 'bad_request')
  assertProblem(await server.get('/docs/names/content'), 404, 'not_found')
  assertProblem(await server.get('/docs/names/content/a/b'), 404, 'not_found')
})

test('as it was at every id', async () => {
  const doc = new Y.Doc()
  const steps = [
    () => doc.getText('t').insert(0, 'one two'),
    () => doc.getText('t').format(0, 3, { bold: true }),
    () => doc.getMap('m').set('k', new Y.Array()),
    () => doc.getMap('m').get('k').push([1, { two: 2 }]),
    () => doc.getText('t').delete(0, 4),
    () => doc.getXmlFragment('x').insert(0, [element('p', { a: '1' }, 'text')]),
    () => doc.getMap('m').delete('k'),
    () => doc.getXmlFragment('x').get(0).removeAttribute('a'),
    () => doc.getText('t').insert(3, '\u{1f33e}')
  ]
  const moments = []
  for (const step of steps) {
    const id = await edited('past', doc, step)
    moments.push([id, {
      text: doc.getText('t').toString(), delta: doc.getText('t').toDelta(), map: doc.getMap('m').toJSON(), xml: doc.getXmlFragment('x').toString()
    }])
  }
  for (const [id, { text, delta, map, xml }] of moments.reverse()) {
    assert.equal(await read('past', 't', 'text', id), text, id)
    assert.deepEqual(await read('past', 't', 'delta', id), delta, id)
    assert.deepEqual(await read('past', 'm', 'map', id), map, id)
    assert.equal(await read('past', 'x', 'xml', id), xml, id)
  }
  assert.equal(await read('past', 't', 'text', '0'), '')
  assert.equal(await read('past', 't', 'text', '1'), 'one two', 'without the epoch')
  assert.equal(await read('past', 't', 'text'), doc.getText('t').toString())
})

test('tags and caching are those of a state', async () => {
  const writer = new Writer()
  const first = (await server.post('tagged', writer.type('one '))).json.id
  const tags = new Set()
  for (const as of Object.keys(TYPES)) {
    const answer = await content('tagged', 'content', `?as=${as}`)
    assert.match(answer.headers.etag, /^"[^"]+"$/, 'a strong tag')
    assert.equal(answer.headers['cache-control'], 'no-cache')
    assert.equal(answer.headers['event-id'], first)
    const again = await content('tagged', 'content', `?as=${as}`, { 'if-none-match': answer.headers.etag })
    assert.equal(again.status, 304)
    assert.equal(again.body.length, 0)
    tags.add(answer.headers.etag)
  }
  assert.equal(tags.size, 6)
  const { etag } = (await content('tagged', 'content')).headers
  await server.post('tagged', writer.type('two'))
  assert.equal((await content('tagged', 'content', '', { 'if-none-match': etag })).status, 200)
  const past = await content('tagged', 'content', `?as=text&at=${first}`)
  assert.equal(past.text, 'one ')
  assert.equal(past.headers['cache-control'], 'private, max-age=31536000, immutable')
  assert.equal(past.headers['event-id'], first)
  assert.equal((await content('tagged', 'content', `?at=${first}`, { 'if-none-match': etag })).status, 304, 'the same bytes have the same tag')
  assert.equal((await content('tagged', 'content', '?at=1')).headers['cache-control'], 'no-cache')
})

test('what people wrote is no page of the server: no script in it runs', async () => {
  const doc = new Y.Doc()
  const html = new Y.XmlElement('html')
  html.setAttribute('xmlns', 'http://www.w3.org/1999/xhtml')
  const script = new Y.XmlElement('script')
  script.insert(0, [new Y.XmlText('alert(1)')])
  html.insert(0, [script])
  doc.getXmlFragment('page').insert(0, [html])
  const { id } = (await server.post('script', Y.encodeStateAsUpdate(doc))).json
  for (const query of ['?as=xml', '?as=text', '?as=json', `?as=xml&at=${id}`]) {
    const { status, headers } = await server.get(`/docs/script/content/page${query}`)
    assert.equal(status, 200)
    assert.equal(headers['content-security-policy'], "default-src 'none'; sandbox")
    assert.equal(headers['x-content-type-options'], 'nosniff')
  }
})

test('HEAD has the head of GET', async t => {
  const writer = new Writer()
  await server.post('head', writer.type(randomText(200_000)))
  for (const query of ['?as=text', '?as=delta', '?as=text&at=1']) {
    const got = await content('head', 'content', query)
    const connection = connect(t, server)
    connection.send(`HEAD ${contentPath('head', 'content', query)} HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)
    const answer = await connection.answer({ headOnly: true })
    assert.equal(answer.headers['content-length'], String(got.body.length))
    assert.equal(answer.headers.etag, got.headers.etag)
    assert.equal((await connection.answer()).status, 200, 'no body followed')
  }
})

test('what is wrong with a question is said', async () => {
  const { id } = (await server.post('wrong', new Writer().type('x'))).json
  for (const query of ['?as=', '?as=html', '?as=Text', '?as=text%20', '?at=', '?at=x', '?at=1.', '?at=latest', '?at=%zz', '?as=text&at=-1']) {
    assertProblem(await content('wrong', 'content', query), 400, 'bad_request')
  }
  assertProblem(await content('wrong', 'content', '?at=2'), 404, 'event_unknown')
  assertProblem(await content('wrong', 'content', '?at=1.00000000'), 410, 'event_gone')
  assertProblem(await content('none', 'content', '?at=1'), 404, 'event_unknown')
  assertProblem(await server.request('PUT', contentPath('wrong', 'content')), 405, 'method_not_allowed')
  assertProblem(await server.get('/docs/%ff/content/x'), 400, 'invalid_document_name')
  await server.delete('wrong')
  assertProblem(await content('wrong', 'content'), 410, 'document_deleted')
  assertProblem(await content('wrong', 'content', `?at=${id}`), 410, 'document_deleted')
})

test('a large document is read while others are served', async () => {
  const writer = new Writer()
  for (let i = 0; i < 20; i++) await server.post('large', writer.type(randomText(100_000, i + 1)))
  const answers = await Promise.all([
    ...Array.from({ length: 8 }, () => content('large', 'content', '?as=text')), server.post('large', writer.type('!')), server.get('/healthz')
  ])
  for (const answer of answers) assert.equal(answer.status, 200)
  const whole = writer.text.toString()
  for (const { text } of answers.slice(0, 8)) assert.ok(text === whole || `${text}!` === whole)
  assert.equal(await read('large', 'content', 'text', '1'), whole.slice(0, 100_000))
})

test('a text whose formats would make it far larger than it is: refused, and nothing is lost', async () => {
  const doc = new Y.Doc()
  const attributes = {}
  for (let i = 0; i < 3000; i++) attributes[`format-${i}-${'x'.repeat(20)}`] = true
  await edited('blown', doc, () => {
    const text = doc.getText('t')
    text.insert(0, 'ab'.repeat(1000), attributes)
    for (let i = 0; i < 1000; i++) text.format(i * 2, 1, { odd: i })
  })
  assertProblem(await content('blown', 't', '?as=delta'), 413, 'too_large')
  assertProblem(await content('blown', 't', '?as=delta&at=1'), 413, 'too_large')
  assert.equal(await read('blown', 't', 'text'), 'ab'.repeat(1000))
  assert.equal((await server.post('blown', new Writer().type('x'))).json.changed, true)
})

test('nesting has no depth that is too deep', async () => {
  const doc = new Y.Doc()
  await edited('deep', doc, () => {
    let map = doc.getMap('m')
    for (let i = 0; i < 20_000; i++) {
      const inner = new Y.Map()
      map.set('k', inner)
      map = inner
    }
  })
  assert.equal((await content('deep', 'm')).text, `${'{"k":'.repeat(20_000)}{}${'}'.repeat(20_000)}`)
})
