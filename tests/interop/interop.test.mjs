// The everyday run: the same rounds every time. WEFT_INTEROP_ROUNDS and WEFT_INTEROP_SEED ask for others.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Engine } from './engine.mjs'
import { runMixedRound } from './mixed.mjs'
import { runPresenceRound } from './presence.mjs'
import { runRound } from './rounds.mjs'
import { families, peersWith } from './peers.mjs'
import * as Y from 'yjs'

const first = Number(process.env.WEFT_INTEROP_SEED ?? 1)
const rounds = Number(process.env.WEFT_INTEROP_ROUNDS ?? 120)
const engine = new Engine()
after(() => engine.close())

for (const family of Object.keys(families)) {
  test(`Yjs and weft hold the same bytes: ${family}`, async () => {
    const deliveries = Object.keys(peersWith(Y).deliveries)
    const share = Math.max(deliveries.length, Math.ceil(rounds / Object.keys(families).length))
    for (let i = 0; i < share; i++) await runRound(engine, first + i, { family, delivery: deliveries[i % deliveries.length] })
  })
}

for (const family of Object.keys(families)) {
  test(`Yjs and weft edit together: ${family}`, async () => {
    for (let i = 0; i < rounds / 10; i++) await runMixedRound(engine, first + i, { family })
  })
}

test('a client under which others write, too, is given up, as in Yjs', async () => {
  const other = new Y.Doc()
  const own = new Y.Doc()
  other.clientID = own.clientID = 7
  other.getText('t').insert(0, 'written elsewhere')
  await engine.call('new', 0, 'gc', 'nocleanup')
  await engine.call('client', 0, 7)
  const update = Y.encodeStateAsUpdate(other)
  Y.applyUpdate(own, update)
  assert.notEqual(own.clientID, 7)
  const taken = (await engine.call('applyevent', 0, update))[3]
  assert.equal(taken, '1')
  assert.equal((await engine.tryCall('begin', 0))[0], 'err')
  await engine.call('client', 0, 8)
  await engine.call('begin', 0)
})

test('y-protocols and weft agree on who is present', async () => {
  for (let i = 0; i < rounds / 2; i++) await runPresenceRound(engine, first + i)
})
