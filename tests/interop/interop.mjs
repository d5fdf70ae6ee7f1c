// Rounds for as long as one likes:
//   node tests/interop/interop.mjs [--seed N] [--rounds N] [--kind NAME] [--format v2] [--family NAME] [--delivery NAME] [--mode NAME]
//        [--transactions N] [--keep-going]
// Kinds: receive (what Yjs editors wrote reaches Yjs and weft; rounds.mjs), mixed (Yjs and weft edit together; mixed.mjs), presence.
// The engine is build/dev's, or that of WEFT_BUILD or WEFT_INTEROP_DRIVER. A round that fails is repeated by its seed and --rounds 1.
import { parseArgs } from 'node:util'
import { Engine } from './engine.mjs'
import { runMixedRound } from './mixed.mjs'
import { runPresenceRound } from './presence.mjs'
import { runRound } from './rounds.mjs'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3000' },
    kind: { type: 'string' },
    format: { type: 'string' },
    family: { type: 'string' },
    delivery: { type: 'string' },
    mode: { type: 'string' },
    transactions: { type: 'string' },
    'keep-going': { type: 'boolean', default: false }
  }
})

const first = Number(values.seed)
const rounds = Number(values.rounds)
const options = { format: values.format, family: values.family, delivery: values.delivery, mode: values.mode, ...(values.transactions ? { transactions: Number(values.transactions) } : {}) }
const chosen = ['kind', 'format', 'family', 'delivery', 'mode', 'transactions'].filter(name => values[name]).map(name => ` --${name} ${values[name]}`).join('')

const kinds = { receive: runRound, mixed: runMixedRound, presence: runPresenceRound }
const chosenKinds = values.kind ? [values.kind] : Object.keys(kinds)

let engine = new Engine()
const sum = { rounds: 0, chunks: 0, yjsFailed: 0, failed: 0 }
for (let seed = first; seed < first + rounds; seed++) {
  try {
    for (const kind of chosenKinds) {
      const { whole = true, chunks = 0 } = await kinds[kind](engine, seed, options) ?? {}
      sum.chunks += chunks
      sum.yjsFailed += whole ? 0 : 1
    }
  } catch (error) {
    sum.failed++
    console.error(`${error.message.slice(0, 6000)}\nrepeat: node tests/interop/interop.mjs --rounds 1 --seed ${seed}${chosen}`)
    if (!values['keep-going']) break
    await engine.close().catch(() => {}) // it may have been the engine that ended
    engine = new Engine()
  }
  sum.rounds++
}
await engine.close()
console.log(`${sum.rounds} rounds, ${sum.chunks} chunks, ${sum.failed} failed; Yjs itself failed in ${sum.yjsFailed}`)
process.exitCode = sum.failed ? 1 : 0
