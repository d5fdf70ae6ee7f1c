// What weft reads of a document is what Yjs reads. WEFT_INTEROP_ROUNDS and WEFT_INTEROP_SEED ask for other rounds.
import { after, test } from 'node:test'
import * as Y from 'yjs'
import { Engine } from './engine.mjs'
import { families, peersWith } from './peers.mjs'
import { compareLowerCase, runReadingRound } from './reading.mjs'

const first = Number(process.env.WEFT_INTEROP_SEED ?? 1)
const rounds = Number(process.env.WEFT_INTEROP_ROUNDS ?? 120)
const engine = new Engine()
after(() => engine.close())

for (const family of Object.keys(families)) {
  test(`Yjs and weft read the same: ${family}`, async () => {
    const deliveries = Object.keys(peersWith(Y).deliveries)
    const share = Math.max(deliveries.length, Math.ceil(rounds / Object.keys(families).length))
    for (let i = 0; i < share; i++) await runReadingRound(engine, first + i, { family, delivery: deliveries[i % deliveries.length] })
  })
}

test('names of elements are lower-cased as JavaScript does it', () => compareLowerCase(engine))
