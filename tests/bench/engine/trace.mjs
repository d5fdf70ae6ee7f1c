// One Yjs update per keystroke, in a file: node trace.mjs FILE
// The keystrokes are those of a paper (automerge-paper.json.gz in the folder that WEFT_TRACES names, from the public collection
// josephg/editing-traces) or, where that is not to be had, of a typist made from a seed: runs of typing, corrections, jumps.
// The file: count, then length and bytes of each, numbers as 32-bit little-endian.
import fs from 'node:fs'
import zlib from 'node:zlib'
import * as Y from 'yjs'
import { randomFrom } from '../../interop/random.mjs'

const KEYSTROKES = 259778 // as many as the paper has

// [position, deleted, inserted], positions in characters.
export const keystrokes = () => {
  const folder = process.env.WEFT_TRACES
  if (!folder) return { name: 'seeded typist', patches: typist() }
  const { txns } = JSON.parse(zlib.gunzipSync(fs.readFileSync(`${folder}/automerge-paper.json.gz`)))
  return { name: 'automerge-paper', patches: txns.flatMap(txn => txn.patches) }
}

const typist = () => {
  const random = randomFrom(42)
  const letters = 'etaoin shrdlu cmfwyp vbgkjqxz.,\n'
  const patches = []
  for (let length = 0, at = 0; patches.length < KEYSTROKES;) {
    if (random.chance(0.02)) at = random.between(0, length)
    if (at > 0 && random.chance(0.28)) {
      patches.push([--at, 1, ''])
      length--
    } else {
      patches.push([at++, 0, random.oneOf(letters)])
      length++
    }
  }
  return patches
}

export const writeUpdates = file => {
  const { name, patches } = keystrokes()
  const doc = new Y.Doc()
  doc.clientID = 1
  const text = doc.getText('text')
  const updates = []
  doc.on('update', update => updates.push(update))
  for (const [at, deleted, inserted] of patches) {
    doc.transact(() => {
      if (deleted) text.delete(at, deleted)
      if (inserted) text.insert(at, inserted)
    })
  }
  const size = updates.reduce((sum, update) => sum + 4 + update.length, 4)
  const bytes = Buffer.alloc(size)
  let pos = bytes.writeUInt32LE(updates.length)
  for (const update of updates) {
    pos = bytes.writeUInt32LE(update.length, pos)
    bytes.set(update, pos)
    pos += update.length
  }
  fs.writeFileSync(file, bytes)
  return { name, updates: updates.length, text: text.toString() }
}

export const readUpdates = file => {
  const bytes = fs.readFileSync(file)
  const updates = []
  for (let count = bytes.readUInt32LE(0), pos = 4; count > 0; count--) {
    const length = bytes.readUInt32LE(pos)
    updates.push(new Uint8Array(bytes.subarray(pos + 4, pos + 4 + length)))
    pos += 4 + length
  }
  return updates
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log(JSON.stringify(writeUpdates(process.argv[2])))
