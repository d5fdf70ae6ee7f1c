// What people typed, as programs (format.mjs): from the public collection josephg/editing-traces, in the folder that WEFT_TRACES names,
// or, where that is not to be had, made from a seed to be alike.
import fs from 'node:fs'
import zlib from 'node:zlib'
import { randomFrom } from '../../interop/random.mjs'

const letters = 'etaoin shrdlu cmfwyp vbgkjqxz.,\n'

// Typing, corrections and jumps of one hand in a text of `length` units: the next patch, and where it leaves the hand.
const stroke = (random, length, at) => {
  if (random.chance(0.02)) at = random.between(0, length)
  at = Math.min(at, length)
  return at > 0 && random.chance(0.28) ? { patch: [at - 1, 1, ''], at: at - 1 } : { patch: [at, 0, random.oneOf(letters)], at: at + 1 }
}

const typist = count => {
  const random = randomFrom(42)
  const steps = []
  for (let length = 0, hand = 0; steps.length < count;) {
    const { patch, at } = stroke(random, length, hand)
    hand = at
    length += patch[2].length - patch[1]
    steps.push({ doc: 0, patches: [patch] })
  }
  return { documents: 1, steps }
}

// Two hands; each hears of the other after some twenty strokes. (How long its text is then only the engine knows: a hand stays in the
// part that it knows of its own.)
const twoTypists = count => {
  const random = randomFrom(43)
  const hands = [0, 1].map(() => ({ at: 0, length: 0, heard: 0 }))
  const steps = []
  const made = [] // update -> document, and by how much it changed the length
  while (made.length < count) {
    const doc = random.below(2)
    const hand = hands[doc]
    if (random.chance(0.05)) {
      for (; hand.heard < made.length; hand.heard++) {
        if (made[hand.heard].doc === doc) continue
        steps.push({ doc, take: hand.heard })
        hand.length += Math.min(0, made[hand.heard].by)
      }
      hand.length = Math.max(0, hand.length)
    }
    const { patch, at } = stroke(random, hand.length, hand.at)
    hand.at = at
    hand.length += patch[2].length - patch[1]
    made.push({ doc, by: patch[2].length - patch[1] })
    steps.push({ doc, patches: [patch] })
  }
  return { documents: 2, steps }
}

// One document per agent; before each transaction it takes in what the transaction builds on.
const concurrent = ({ numAgents, txns }) => {
  const known = Array.from({ length: numAgents }, () => new Set())
  const steps = []
  for (const [i, { agent, parents, patches }] of txns.entries()) {
    const lacking = []
    for (const open = [...parents]; open.length;) {
      const txn = open.pop()
      if (known[agent].has(txn)) continue
      known[agent].add(txn)
      lacking.push(txn)
      open.push(...txns[txn].parents)
    }
    for (const take of lacking.sort((a, b) => a - b)) steps.push({ doc: agent, take })
    known[agent].add(i)
    steps.push({ doc: agent, patches })
  }
  return { documents: numAgents, steps }
}

const sequential = ({ txns }) => ({ documents: 1, steps: txns.flatMap(({ patches }) => patches.map(patch => ({ doc: 0, patches: [patch] }))) })

const alike = {
  'automerge-paper': () => typist(259778),
  sveltecomponent: () => typist(19749),
  friendsforever: () => twoTypists(26078)
}

export const traceNames = Object.keys(alike)

// The program of a trace and the text it ends with, if that is known.
export const traceProgram = (name, folder) => {
  const file = `${folder}/${name}.json.gz`
  if (!folder || !fs.existsSync(file)) return { made: true, program: alike[name]() }
  const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(file)))
  if (/[\ud800-\udfff]/.test(JSON.stringify(trace))) throw new Error(`${name}: positions in characters above U+FFFF are not translated`)
  if (trace.startContent) throw new Error(`${name}: does not begin with an empty text`)
  return { made: false, program: trace.numAgents ? concurrent(trace) : sequential(trace), text: trace.endContent }
}
