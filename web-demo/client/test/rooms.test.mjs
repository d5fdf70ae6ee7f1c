// Mixed rooms: every transport and the stock y-websocket provider in one document, while connections are cut, people go
// away and come back, and the server is killed and restarted. In the end everybody holds the same bytes, and sees everybody.
// WEFT_ROOM_SEED and WEFT_ROOM_ROUNDS ask for other rounds; WEFT_SLOW=1 for many.
import assert from 'node:assert/strict'
import test from 'node:test'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { randomFrom } from '../../../tests/interop/random.mjs'
import { slow } from '../../../tests/http/server.mjs'
import { clientFor, until } from './harness.mjs'
import { House, Way } from './weft.mjs'

const FIRST_SEED = Number(process.env.WEFT_ROOM_SEED ?? 1)
const ROUNDS = Number(process.env.WEFT_ROOM_ROUNDS ?? (slow ? 50 : 3))
const STEPS = 150
const KINDS = ['sse', 'websocket', 'long-poll', 'poll', 'stock', 'auto']
const LETTERS = 'abcdefghijklmnopqrstuvwxyz éü☃'

/** One person in the room, whatever it is that connects them. */
class Person {
  away = false

  constructor(kind, way, provider, doc) {
    Object.assign(this, { kind, way, provider, doc })
    this.text = doc.getText('text')
    this.list = doc.getArray('list')
    this.map = doc.getMap('map')
  }

  static async enter(t, kind, house, name) {
    const way = await Way.to(t, house)
    if (kind !== 'stock') {
      const { provider, doc } = clientFor(t, way, { name, transport: kind })
      return new Person(kind, way, provider, doc)
    }
    const doc = new Y.Doc()
    const options = { WebSocketPolyfill: WebSocket, disableBc: true, maxBackoffTime: 50 }
    const provider = new WebsocketProvider(`${way.url.replace('http', 'ws')}/ws`, name, doc, options)
    t.after(() => {
      provider.destroy()
      provider.awareness.destroy()
      doc.destroy()
    })
    return new Person(kind, way, provider, doc)
  }

  leave() {
    this.away = true
    this.provider.disconnect()
  }

  comeBack() {
    this.away = false
    this.provider.connect()
  }

  /** Whether all that was written here is known to be on the server: the stock provider cannot tell. */
  get saved() {
    return this.kind === 'stock' || this.provider.unsentUpdates === 0
  }

  get state() {
    return Buffer.from(Y.encodeStateAsUpdate(this.doc))
  }

  sees(other) {
    return this.provider.awareness.getStates().get(other.doc.clientID)?.mood
  }
}

const word = (random) => Array.from({ length: random.between(1, 6) }, () => random.oneOf(LETTERS)).join('')

const EDITS = [
  ({ text }, random) => text.insert(random.below(text.length + 1), word(random)),
  ({ text }, random) => text.insert(text.length, word(random)),
  ({ text }, random) => {
    if (text.length > 0) text.delete(random.below(text.length), 1)
  },
  ({ text }, random) => {
    const from = random.below(text.length + 1)
    text.format(from, random.below(text.length - from + 1), { bold: random.chance(0.5) ? true : null })
  },
  ({ list }, random) => list.insert(random.below(list.length + 1), [random.below(100), word(random)]),
  ({ list }, random) => {
    if (list.length > 1) list.delete(random.below(list.length - 1), 2)
  },
  ({ list }, random) => list.push([new Y.Map([[word(random), new Y.Text(word(random))]])]),
  ({ map }, random) => map.set(random.oneOf('pqr'), word(random)),
  ({ map }, random) => map.delete(random.oneOf('pqr')),
  ({ doc, text, list }, random) =>
    doc.transact(() => {
      list.insert(0, [word(random)])
      text.insert(0, word(random))
    }),
]

/** What may happen in a room, and how often. */
const STEPS_OF = [
  [20, ({ random, anybody }) => random.oneOf(EDITS)(anybody, random)],
  [2, ({ random, anybody }) => anybody.provider.awareness.setLocalStateField('mood', word(random))],
  [2, ({ anybody }) => anybody.way.cut()],
  [1, ({ anybody }) => (anybody.away ? anybody.comeBack() : anybody.leave())],
  [2, ({ people, random }) => meet(random.shuffled(people.filter((person) => !person.away)).slice(0, 2))],
  [2, () => new Promise((resolve) => setImmediate(resolve))],
]
const CHOICES = STEPS_OF.flatMap(([weight, step]) => Array.from({ length: weight }, () => step))

/** Waits until these hold the same. */
async function meet(people) {
  await until(() => people.every(({ state }) => state.equals(people[0].state)), `${people.map(({ kind }) => kind)} to hold the same`)
}

async function play(house, people, random) {
  const restarts = new Set([random.below(STEPS), random.below(STEPS)])
  for (let step = 0; step < STEPS; step++) {
    if (restarts.has(step)) await house.restart(random.oneOf(['SIGKILL', 'SIGTERM']))
    await random.oneOf(CHOICES)({ people, random, anybody: random.oneOf(people) })
  }
  for (const person of people.filter(({ away }) => away)) person.comeBack()
}

async function assertSame(house, people, name) {
  await meet(people)
  await until(() => people.every(({ saved }) => saved), 'everything acknowledged')
  assert.deepEqual(await house.state(name), people[0].state, 'the server holds what all hold')
}

async function assertPresent(people) {
  people.forEach(({ kind, provider }, i) => provider.awareness.setLocalStateField('mood', `${kind} ${i}`))
  const moodOf = ({ provider }) => provider.awareness.getLocalState().mood
  await until(() => people.every((a) => people.every((b) => a.sees(b) === moodOf(b))), 'everybody to see everybody')
  const leaving = people.at(-1)
  leaving.leave()
  await until(() => people.slice(0, -1).every((person) => person.sees(leaving) === undefined), `everybody to see ${leaving.kind} leave`)
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
  test(`room ${seed}: WEFT_ROOM_SEED=${seed} WEFT_ROOM_ROUNDS=1`, async (t) => {
    const random = randomFrom(seed)
    const house = await House.open(t)
    const name = `rooms/${seed} é`
    const people = await Promise.all(random.shuffled(KINDS).map((kind) => Person.enter(t, kind, house, name)))
    await play(house, people, random)
    await assertSame(house, people, name)
    await assertPresent(people)
  })
}
