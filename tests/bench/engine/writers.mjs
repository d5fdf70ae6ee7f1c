// Many people at once in one text: a list of updates from a seed, made with Yjs. Whoever comes to write first hears of what the
// others did, as a rule; now and then they do not, and write on beside them. A writer inserts a word or deletes a few characters,
// anywhere. Every update stands behind all that its writer knew: the list is in causal order.
import * as Y from 'yjs'
import { randomFrom } from '../../interop/random.mjs'

const DELETES = 0.3 // of all edits; the others insert
const DELETED_MAX = 8
const LETTERS = 'etaoinshrdlucmfwypvbgk'
const WORD_MAX = 8
const HEARS = 0.1 // how often a writer catches up before an edit: ten edits of its own, two hundred of all, lie between

const word = random => {
  let letters = ''
  for (let left = random.between(1, WORD_MAX - 1); left > 0; left--) letters += random.oneOf(LETTERS)
  return letters + ' '
}

// Returns what was done: position, deleted units, inserted text.
const edit = (text, random) => {
  if (text.length > 0 && random.chance(DELETES)) {
    const at = random.below(text.length)
    const deleted = Math.min(random.between(1, DELETED_MAX), text.length - at)
    text.delete(at, deleted)
    return [at, deleted, '']
  }
  const at = random.between(0, text.length)
  const inserted = word(random)
  text.insert(at, inserted)
  return [at, 0, inserted]
}

const hear = (person, updates) => {
  person.doc.transact(() => {
    for (const update of updates.slice(person.heard)) Y.applyUpdate(person.doc, update)
  }, 'heard')
  person.heard = updates.length
}

// The updates, and the program (format.mjs) that makes them again. A function of its arguments alone: the clients' numbers come from
// the seed as well.
export const writersSession = ({ seed = 1, writers = 20, count = 40000 } = {}) => {
  const random = randomFrom(seed)
  const updates = []
  const madeBy = []
  const steps = []
  const people = Array.from({ length: writers }, (_, i) => {
    const doc = new Y.Doc()
    doc.clientID = random.below(2 ** 32)
    doc.on('update', (update, origin) => {
      if (origin === 'heard') return
      updates.push(update)
      madeBy.push(i)
    })
    return { i, doc, text: doc.getText('text'), heard: 0 }
  })
  while (updates.length < count) {
    const person = random.oneOf(people)
    const doc = person.i
    if (random.chance(HEARS) && person.heard < updates.length) {
      for (let take = person.heard; take < updates.length; take++) if (madeBy[take] !== doc) steps.push({ doc, take })
      hear(person, updates)
    }
    steps.push({ doc, patches: [edit(person.text, random)] })
  }
  return { updates, program: { clients: people.map(person => person.doc.clientID), steps } }
}

export const writersUpdates = options => writersSession(options).updates

// The list in another order: shuffled within windows of so many.
export const outOfOrder = (updates, { seed = 1, window = 64 } = {}) => {
  const random = randomFrom(seed)
  const result = []
  for (let from = 0; from < updates.length; from += window) result.push(...random.shuffled(updates.slice(from, from + window)))
  return result
}
