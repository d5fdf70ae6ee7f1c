// `auto`: a real proxy in front of the real server holds streams back, and lets them through again.
import assert from 'node:assert/strict'
import test from 'node:test'
import * as Y from 'yjs'
import { file } from '../../../tests/http/server.mjs'
import { clientFor, until } from './harness.mjs'
import { House, HoldingProxy } from './weft.mjs'

const house = await House.open(file)
const HASTY = { streamTimeout: 150, streamRetryInterval: 150 }

/** A client behind the proxy, one that is not, and a document of their own. */
async function behindProxy(t, { holdsBack = true } = {}) {
  const proxy = await HoldingProxy.to(t, house)
  proxy.holdsBack = holdsBack
  const name = t.name
  const a = clientFor(t, proxy, { name, ...(holdsBack ? HASTY : {}) })
  const b = clientFor(t, house.server, { name, transport: 'sse' })
  return { proxy, a, b, name }
}

const same = (a, b) => a.text.toString() === b.text.toString()
const saved = ({ provider }) => provider.synced && provider.unsentUpdates === 0
const statuses = ({ said }) => said.status.map(({ status }) => status)

test('where streams come through, nothing is polled', async (t) => {
  const { proxy, a, b } = await behindProxy(t, { holdsBack: false })
  a.text.insert(0, 'a ')
  b.text.insert(0, 'b ')
  await until(() => a.text.length === 4 && same(a, b) && saved(a), 'same')
  assert.equal(a.provider.transport, 'sse')
  assert.equal(proxy.streams.length, 1)
  assert.deepEqual(proxy.polls, [])
})

test('where they are held back, it polls; edits and presence come and go', async (t) => {
  const { a, b } = await behindProxy(t)
  await until(() => a.provider.synced, 'synced')
  assert.equal(a.provider.transport, 'long-poll')
  assert.match(a.said['connection-error'][0].message, /nothing heard/)
  a.provider.awareness.setLocalStateField('user', 'a')
  b.provider.awareness.setLocalStateField('user', 'b')
  a.text.insert(0, 'a ')
  b.text.insert(0, 'b ')
  await until(() => a.text.length === 4 && same(a, b) && saved(a), 'same')
  await until(() => a.provider.awareness.getStates().size === 2 && b.provider.awareness.getStates().size === 2, 'seen')
})

test('streams are tried again, and one that comes through takes over without a gap', async (t) => {
  const { proxy, a, b } = await behindProxy(t)
  await until(() => a.provider.synced && b.provider.synced, 'synced')
  await until(() => proxy.streams.length > 2, 'a stream tried in vain')
  assert.equal(a.provider.transport, 'long-poll')
  const heard = statuses(a).length
  const writing = setInterval(() => b.text.insert(b.text.length, 'x'), 1)
  await until(() => a.text.length > 20, 'polled')
  proxy.holdsBack = false
  await until(() => a.provider.transport === 'sse', 'climbed back')
  const { length } = a.text
  await until(() => a.text.length > length + 20, 'streamed')
  clearInterval(writing)
  await until(() => saved(b) && same(a, b), 'same')
  assert.equal(statuses(a).length, heard, 'the connection was never down')
  assert.match(proxy.streams.at(-1)['last-event-id'], /^[1-9]/, 'it began where the polls had come to')
  const streams = proxy.streams.length
  proxy.polls.length = 0
  a.text.insert(0, 'on we go ')
  await until(() => same(a, b) && saved(a), 'same again')
  assert.deepEqual([proxy.polls, proxy.streams.length], [[], streams], 'no more polls, no more tries')
})

test('a document deleted while it polls, and while a stream is tried, is told once', async (t) => {
  const { proxy, a, name } = await behindProxy(t)
  a.text.insert(0, 'x')
  await until(() => saved(a) && a.provider.lastEventId !== '0', 'saved')
  await house.server.delete(name)
  await until(() => a.said.deleted.length === 1, 'told')
  const { length } = proxy.streams
  proxy.holdsBack = false
  const b = clientFor(t, proxy, { name })
  await until(() => b.said.deleted.length === 1, 'told to another one')
  assert.equal(a.said.deleted.length, 1)
  assert.equal(proxy.streams.length, length + 1)
})

test('after a server restart it polls on, and climbs all the same', async (t) => {
  const own = await House.open(t)
  const proxy = await HoldingProxy.to(t, own)
  const a = clientFor(t, proxy, { name: 'd', ...HASTY })
  await until(() => a.provider.synced, 'synced')
  await own.restart('SIGKILL')
  a.text.insert(0, 'x')
  await until(() => saved(a) && a.said.synced.length >= 3, 'synced again')
  assert.equal(a.provider.transport, 'long-poll')
  proxy.holdsBack = false
  await until(() => a.provider.transport === 'sse' && saved(a), 'climbed back')
})
