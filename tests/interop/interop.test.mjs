// The everyday run: the same rounds every time. WEFT_INTEROP_ROUNDS and WEFT_INTEROP_SEED ask for others.
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

test('y-protocols and weft agree on who is present', async () => {
  for (let i = 0; i < rounds / 2; i++) await runPresenceRound(engine, first + i)
})
