// What people typed, as programs (format.mjs): from the public collection josephg/editing-traces, in the folder that WEFT_TRACES names,
// or, where that is not to be had, made from a seed to be alike.
import fs from 'node:fs'
import zlib from 'node:zlib'
import { randomFrom } from '../../interop/random.mjs'

// The client of the i-th document: 32 bits that look random, as Yjs draws them.
export const clientOf = i => Math.imul(i + 1, 0x9e3779b1) >>> 0

const letters = 'etaoin shrdlu cmfwyp vbgkjqxz.,\n'

// One hand in a text: it types for a while, takes some back, and sometimes goes elsewhere. Its next patch in a text of `length` units.
class Hand {
  #random
  #at = 0
  #left = 0 // strokes until it does something else
  #deletes = false

  constructor(random) { this.#random = random }

  stroke(length) {
    const random = this.#random
    if (this.#left-- <= 0) {
      this.#deletes = !this.#deletes
      this.#left = this.#deletes ? random.between(0, 30) : random.between(0, 70)
      if (random.chance(0.4)) this.#at = random.between(0, length)
    }
    this.#at = Math.min(this.#at, length)
    return this.#deletes && this.#at > 0 ? [--this.#at, 1, ''] : [this.#at++, 0, random.oneOf(letters)]
  }
}

const typist = count => {
  const hand = new Hand(randomFrom(42))
  const steps = []
  for (let length = 0; steps.length < count;) {
    const patch = hand.stroke(length)
    length += patch[2].length - patch[1]
    steps.push({ doc: 0, patches: [patch] })
  }
  return { clients: [clientOf(0)], steps }
}

// Two hands; each hears of the other after some twenty strokes. (How long its text is then only the engine knows: it counts what the other
// took away, and not what the other put in.)
const twoTypists = count => {
  const random = randomFrom(43)
  const people = [0, 1].map(() => ({ hand: new Hand(random), length: 0, heard: 0 }))
  const steps = []
  const made = [] // update -> document, and by how much it changed the length
  while (made.length < count) {
    const doc = random.below(2)
    const person = people[doc]
    if (random.chance(0.05)) {
      for (; person.heard < made.length; person.heard++) {
        if (made[person.heard].doc === doc) continue
        steps.push({ doc, take: person.heard })
        person.length += Math.min(0, made[person.heard].by)
      }
      person.length = Math.max(0, person.length)
    }
    const patch = person.hand.stroke(person.length)
    const by = patch[2].length - patch[1]
    person.length += by
    made.push({ doc, by })
    steps.push({ doc, patches: [patch] })
  }
  return { clients: people.map((_, i) => clientOf(i)), steps }
}

// One document per agent, numbered as the collection does it: concurrent text of the lower one goes first. Before each
// transaction a document takes in what the transaction builds on.
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
  return { clients: known.map((_, i) => clientOf(i)).sort((a, b) => a - b), steps }
}

const sequential = ({ txns }) => ({ clients: [clientOf(0)], steps: txns.flatMap(({ patches }) => patches.map(patch => ({ doc: 0, patches: [patch] }))) })

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
