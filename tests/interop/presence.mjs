// One round of presence: random awareness updates to y-protocols and to weft.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { Awareness, applyAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import { randomFrom } from './random.mjs'

const encode = entries => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, entries.length)
  for (const { client, clock, state } of entries) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
    encoding.writeVarString(encoder, JSON.stringify(state))
  }
  return encoding.toUint8Array(encoder)
}

const decode = update => {
  const entries = new Map()
  if (update.length === 0) return entries
  const decoder = decoding.createDecoder(update)
  for (let count = decoding.readVarUint(decoder); count > 0; count--) {
    const client = decoding.readVarUint(decoder)
    const clock = decoding.readVarUint(decoder)
    entries.set(client, { clock, state: JSON.parse(decoding.readVarString(decoder)) })
  }
  assert.ok(!decoding.hasContent(decoder))
  return entries
}

const randomEntry = random => ({
  client: random.oneOf([1, 2, 3, 4294967295, 9007199254740991]),
  clock: random.between(0, 8),
  state: random.chance(0.3) ? null : { name: random.oneOf(['a', 'ü', '🙂', '"']), at: random.below(3) }
})

// The reference has a client of its own, which takes no part.
const present = awareness => new Map([...awareness.states].filter(([client]) => client !== awareness.clientID).map(([client, state]) => [client, { clock: awareness.meta.get(client).clock, state }]))
const sorted = map => [...map].sort(([a], [b]) => a - b)

export const runPresenceRound = async (engine, seed) => {
  const random = randomFrom(seed)
  const doc = new Y.Doc()
  doc.clientID = 99
  const reference = new Awareness(doc)
  let told = new Set()
  reference.on('update', ({ added, updated, removed }) => { told = new Set([...added, ...updated, ...removed]) })
  try {
    await engine.call('anew', 0)
    for (let now = 1; now <= 40; now++) {
      told = new Set()
      let changed
      if (random.chance(0.8)) {
        const update = encode(Array.from({ length: random.between(1, 4) }, () => randomEntry(random)))
        applyAwarenessUpdate(reference, update, 'remote')
        changed = decode(await engine.bytes('aapply', 0, update, now))
      } else {
        const { client } = randomEntry(random)
        removeAwarenessStates(reference, [client], 'timeout')
        changed = decode(await engine.bytes('aremove', 0, client, now))
      }
      assert.deepEqual(sorted(decode(await engine.bytes('aall', 0))), sorted(present(reference)), `present after step ${now}`)
      for (const client of told) assert.ok(changed.has(client), `step ${now}: others do not hear of ${client}`)
    }
  } catch (error) {
    error.message = `presence round ${seed}: ${error.message}`
    throw error
  } finally {
    reference.destroy()
  }
}
