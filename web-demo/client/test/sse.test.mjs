import assert from 'node:assert/strict'
import test from 'node:test'
import { fromBase64, toBase64Url } from '../dist/base64.js'
import { SseParser } from '../dist/sse.js'

function parse(chunks) {
  const events = []
  const retries = []
  const parser = new SseParser({ onEvent: (event) => events.push(event), onRetry: (ms) => retries.push(ms) })
  for (const chunk of chunks) parser.push(chunk)
  return { events, retries }
}

const bytes = (text) => new TextEncoder().encode(text)
const one = (text) => parse([bytes(text)]).events

const MIXED =
  '\uFEFF: hello\r\nretry: 1480\r\n\r\nevent: sync\nid: 1.a\ndata: AAA=\n\nevent:update\rid:2.a\rdata:x\rdata: ü😀\r\r' +
  'data\n\ndata\ndata\n\nid: 3.a\n\nevent: lost\n\ndata:  two spaces\nnonsense: 1\nretry: 1x\n\n'
const MIXED_EVENTS = [
  { type: 'sync', data: 'AAA=', id: '1.a' },
  { type: 'update', data: 'x\nü😀', id: '2.a' },
  { type: 'message', data: '', id: '2.a' },
  { type: 'message', data: '\n', id: '2.a' },
  { type: 'message', data: ' two spaces', id: '3.a' },
]

test('fields, comments, line ends and byte order mark are read as the standard says', () => {
  const { events, retries } = parse([bytes(MIXED)])
  assert.deepEqual(events, MIXED_EVENTS)
  assert.deepEqual(retries, [1480])
})

test('it makes no difference where the stream is cut', () => {
  const all = bytes(MIXED)
  for (let cut = 0; cut <= all.length; cut++) {
    assert.deepEqual(parse([all.subarray(0, cut), all.subarray(cut)]).events, MIXED_EVENTS, `cut at ${cut}`)
  }
  assert.deepEqual(parse([...all].map((byte) => Uint8Array.of(byte))).events, MIXED_EVENTS)
})

test('an id with U+0000 is ignored', () => {
  assert.deepEqual(one('id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n').map((event) => event.id), ['1', '1'])
})

test('an event is complete only with its empty line', () => {
  assert.deepEqual(one('data: a\n'), [])
})

test('a line in many pieces is put together', () => {
  const piece = bytes('x'.repeat(1000))
  const chunks = [bytes('data: '), ...Array.from({ length: 5000 }, () => piece), bytes('\n\n')]
  assert.equal(parse(chunks).events[0].data.length, 5_000_000)
})

test('base64 in, base64url out', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.deepEqual([...fromBase64(Buffer.from(all).toString('base64'))], [...all])
  for (const length of [0, 1, 2, 3, 255]) {
    assert.equal(toBase64Url(all.subarray(0, length)), Buffer.from(all.subarray(0, length)).toString('base64url'))
  }
})
