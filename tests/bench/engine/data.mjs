// Makes the folder of material of one scene, with Yjs: node data.mjs NAME FOLDER
// A scene is a trace (traces.mjs), random writers (writers.mjs), or the first trace under a hundred clients, one behind the other.
import fs from 'node:fs'
import * as Y from 'yjs'
import { writeVarUint } from 'lib0/encoding'
import { writeList, writeProgram } from './format.mjs'
import { clientOf, traceNames, traceProgram } from './traces.mjs'
import { outOfOrder, writersSession, writersUpdates } from './writers.mjs'

const [name, folder] = process.argv.slice(2)
const COPIES = 100

const openDoc = client => {
  const doc = new Y.Doc()
  doc.clientID = client
  return doc
}

const edit = (doc, patches) => doc.transact(() => {
  const text = doc.getText('text')
  for (const [at, deleted, inserted] of patches) {
    if (deleted) text.delete(at, deleted)
    if (inserted) text.insert(at, inserted)
  }
})

// Runs a program; returns an update for each edit. `before` prepares a document.
const run = ({ clients, steps }, before = () => {}) => {
  const updates = []
  const docs = clients.map(openDoc)
  for (const doc of docs) {
    before(doc)
    doc.on('update', (update, origin) => { if (origin !== 'taken') updates.push(update) })
  }
  for (const { doc, patches, take } of steps) patches ? edit(docs[doc], patches) : Y.applyUpdate(docs[doc], updates[take], 'taken')
  return { docs, updates }
}

const applied = updates => {
  const doc = openDoc(0)
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

const write = (file, bytes) => fs.writeFileSync(`${folder}/${file}`, bytes)

const writeState = doc => {
  write('state.v1', Y.encodeStateAsUpdate(doc))
  write('state.v2', Y.encodeStateAsUpdateV2(doc))
  const text = doc.getText('text').toString()
  write('text', text)
  return Buffer.byteLength(text)
}

const writeUpdates = (program, updates) => {
  writeProgram(`${folder}/program`, program)
  writeList(`${folder}/updates`, updates)
  write('half.sv', Y.encodeStateVector(applied(updates.slice(0, updates.length / 2))))
  return { updates: updates.length, text_bytes: writeState(applied(updates)) }
}

const trace = () => {
  const { program, text, made } = traceProgram(name, process.env.WEFT_TRACES)
  const { updates } = run(program)
  const about = writeUpdates(program, updates)
  if (text !== undefined && applied(updates).getText('text').toString() !== text) throw new Error(`${name}: another text came out`)
  return { ...about, title: made ? `${name} (made from a seed)` : name }
}

const writers = () => {
  const { updates, program } = writersSession({ seed: 1, writers: 20, count: 40000 })
  writeList(`${folder}/shuffled`, outOfOrder(updates, { seed: 1, window: 64 }))
  return { ...writeUpdates(program, updates), title: '20 random writers' }
}

const manyWriters = () => {
  return { title: '192 random writers', text_bytes: writeState(applied(writersUpdates({ seed: 2, writers: 192, count: 37500 }))) }
}

// The unit at the end of the list, deleted or not.
const lastUnit = doc => {
  let item = doc.getText('text')._start
  while (item.right) item = item.right
  return item.lastId.clock
}

// Every copy is typed behind the one before it: the trace is typed once behind one character of another client, and the structs of that
// are written a hundred times, with the number of each client and the end of the copy before it in the place of that character.
const hundredfold = () => {
  const { program } = traceProgram(traceNames[0], process.env.WEFT_TRACES)
  const behind = { clients: [1], steps: program.steps.map(({ doc, patches }) => ({ doc, patches: patches.map(([at, ...rest]) => [at + 1, ...rest]) })) }
  const { docs } = run(behind, doc => { doc.getText('text').insert(0, '-'); doc.clientID = 2 })
  const last = lastUnit(docs[0])
  const clients = Array.from({ length: COPIES }, (_, i) => clientOf(i)).sort((a, b) => b - a)
  const { structs, ds } = Y.decodeUpdate(Y.encodeStateAsUpdate(docs[0]))
  const copied = structs.filter(struct => struct.id.client === 2)
  const encoder = new Y.UpdateEncoderV1()
  const number = n => writeVarUint(encoder.restEncoder, n)
  number(COPIES)
  for (const [i, client] of clients.entries()) {
    const before = i + 1 < COPIES ? Y.createID(clients[i + 1], last) : null
    const moved = id => id && (id.client === 2 ? Y.createID(client, id.clock) : before)
    number(copied.length)
    number(client)
    number(0)
    for (const struct of copied) {
      const copy = Object.create(struct, {
        id: { value: moved(struct.id) },
        origin: { value: moved(struct.origin) },
        rightOrigin: { value: moved(struct.rightOrigin) },
        parent: { value: 'text' }
      })
      copy.write(encoder, 0)
    }
  }
  number(COPIES)
  for (const client of clients) {
    number(client)
    number(ds.clients.get(2).length)
    for (const { clock, len } of ds.clients.get(2)) { number(clock); number(len) }
  }
  return { title: `${traceNames[0]}, a hundred times as large`, text_bytes: writeState(applied([encoder.toUint8Array()])) }
}

const scenes = { ...Object.fromEntries(traceNames.map(each => [each, trace])), writers, 'writers-192': manyWriters, hundredfold }

fs.mkdirSync(folder, { recursive: true })
const about = scenes[name]()
write('about.json', JSON.stringify(about))
