// Rounds for as long as one likes:
//   node tests/interop/interop.mjs [--seed N] [--rounds N] [--family NAME] [--delivery NAME] [--mode NAME] [--transactions N] [--keep-going]
// The engine is build/dev's, or that of WEFT_BUILD or WEFT_INTEROP_DRIVER. A round that fails is repeated by its seed and --rounds 1.
import { parseArgs } from 'node:util'
import { Engine } from './engine.mjs'
import { runPresenceRound } from './presence.mjs'
import { runRound } from './rounds.mjs'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3000' },
    family: { type: 'string' },
    delivery: { type: 'string' },
    mode: { type: 'string' },
    transactions: { type: 'string' },
    'keep-going': { type: 'boolean', default: false }
  }
})

const first = Number(values.seed)
const rounds = Number(values.rounds)
const options = { family: values.family, delivery: values.delivery, mode: values.mode, ...(values.transactions ? { transactions: Number(values.transactions) } : {}) }
const chosen = ['family', 'delivery', 'mode', 'transactions'].filter(name => values[name]).map(name => ` --${name} ${values[name]}`).join('')

let engine = new Engine()
const sum = { rounds: 0, chunks: 0, yjsFailed: 0, failed: 0 }
for (let seed = first; seed < first + rounds; seed++) {
  try {
    const { whole, chunks } = await runRound(engine, seed, options)
    await runPresenceRound(engine, seed)
    sum.chunks += chunks
    sum.yjsFailed += whole ? 0 : 1
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
