// One round of editors of both kinds at one document: some are Yjs, some are weft. Whatever a weft editor does, a Yjs document with the
// same client does as well (its twin), and after each step both must have told the same bytes, hold the same bytes and read the same. In
// the end everybody has heard everything and knows the same.
import assert from 'node:assert/strict'
import * as Y from 'yjs'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { readSyncMessage, writeSyncStep1 } from 'y-protocols/sync'
import { Author, typesBelow } from './authors.mjs'
import { cleaned, comparable, heard, momentOf } from './changes.mjs'
import { halved, known, sameBytes, sameUpdate } from './compare.mjs'
import { decoded } from './engine.mjs'
import { clientIds, families } from './peers.mjs'
import { joined, parsed, plain, whole } from './plain.mjs'
import { randomFrom } from './random.mjs'
import { openEngine, openYjs, openings, readingOf } from './rounds.mjs'
import { nameOf } from './scribe.mjs'

const nothing = new Uint8Array()
const textOf = bytes => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
const base64 = string => (string.length ? Buffer.from(string).toString('base64') : '-')

// Yjs threw: it cannot cut some GC structs. The round is over, and says nothing of weft.
class YjsFailed extends Error {}

const asYjs = act => {
  try {
    return act()
  } catch (error) {
    throw new YjsFailed(error.message)
  }
}

const merged = events => (events.length === 0 ? nothing : events.length === 1 ? events[0] : Y.mergeUpdates(events))
const mergedV2 = events => (events.length === 0 ? nothing : events.length === 1 ? events[0] : Y.mergeUpdatesV2(events))

class Peer {
  events = [] // of the step under way: { v1, v2, made }
  seen = new Set()

  constructor(round, id, gc) {
    this.round = round
    this.id = id
    this.gc = gc
    this.doc = openYjs(round.opening, gc, round.roots)
    this.doc.clientID = id
    for (const name in round.roots) this.doc.get(name, Y[round.roots[name]])
    this.doc.on('update', (v1, origin) => { this.events.push({ v1, made: origin !== 'remote' }) })
    this.doc.on('updateV2', v2 => { this.events.at(-1).v2 = v2 })
  }

  // What this peer made goes to the others: its edits, and the tidying that others' edits made it do.
  tell() {
    const { log } = this.round
    for (const event of this.events) {
      if (!event.made) continue
      this.seen.add(log.length)
      log.push(event)
    }
    return this.events.splice(0)
  }

  receiveInYjs(message) {
    const encoder = encoding.createEncoder()
    asYjs(() => readSyncMessage(decoding.createDecoder(message), encoder, this.doc, 'remote', error => { throw error }))
    return encoding.toUint8Array(encoder)
  }

  step1InYjs() { return encoding.encode(encoder => writeSyncStep1(encoder, this.doc)) }
}

class YjsPeer extends Peer {
  constructor(round, id, gc, undo) {
    super(round, id, gc)
    const types = Object.keys(round.roots).map(name => this.doc.share.get(name))
    this.undo = undo && new Y.UndoManager(types, { captureTimeout: undo === 'grouped' ? 1e9 : 0, trackedOrigins: new Set(['edit']) })
  }

  async edit(random) {
    if (this.undo && random.chance(0.3)) asYjs(() => (random.chance(0.65) ? this.undo.undo() : this.undo.redo()))
    else this.author.transaction(this.doc, this.round.roots, 'edit')
    this.tell()
  }

  async hear(update, updateV2) {
    asYjs(() => (updateV2 ? Y.applyUpdateV2(this.doc, updateV2, 'remote') : Y.applyUpdate(this.doc, update, 'remote')))
    this.tell()
  }

  async step1() { return this.step1InYjs() }

  async receive(message) {
    const reply = this.receiveInYjs(message)
    this.tell()
    return reply
  }

  async compare() {}
}

class WeftPeer extends Peer {
  snapshots = [] // { snapshot, encoded }
  positions = [] // { position, encoded }

  constructor(round, id, gc, slot) {
    super(round, id, gc)
    this.slot = slot
  }

  async open() {
    const { engine, opening, roots } = this.round
    await openEngine(engine, this.slot, opening, this.gc, roots, 'changes')
    // Nothing else tells observers that a root is a text while there is nothing in it but types.
    for (const name in roots) if (/Text$/.test(roots[name])) await engine.call('text', this.slot, Buffer.from(name))
    await engine.call('client', this.slot, this.id)
  }

  call(request, ...words) { return this.round.engine.call(request, this.slot, ...words) }
  bytes(request, ...words) { return this.round.engine.bytes(request, this.slot, ...words) }

  async edit(random) {
    const { engine, roots } = this.round
    const v2 = random.chance(0.4)
    const before = this.looks(random)
    const requests = this.author.transaction(this.doc, roots, 'edit')
    const answers = [engine.call('begin', this.slot), ...requests.map(([name, ...words]) => engine.call(name, this.slot, ...words))]
    const commit = engine.bytes('commit', this.slot, ...(v2 ? ['v2'] : []))
    const did = () => requests.map(request => request.join(' ')).join('\n  ')
    for (const [i, answer] of answers.entries()) await answer.catch(error => { error.message += ` at edit ${i} of\n  ${did()}`; throw error })
    const events = this.tell()
    if (v2) sameUpdate(await commit, mergedV2(events.map(event => event.v2)), `the update of\n  ${did()}`, 'v2')
    else sameUpdate(await commit, merged(events.map(event => event.v1)), `the update of\n  ${did()}`)
    if (events.length) await this.compareChanges(before, events[0].v1)
  }

  // Whether this peer's observers are asked what they hear of the next transaction: then, how it was before.
  looks(random) { return random.chance(0.25) ? momentOf(this.doc) : null }

  async compareChanges(before, update) {
    const expected = before && heard(before, update, momentOf(this.doc), this.round.roots)
    if (expected) assert.deepEqual(comparable(cleaned(parsed(await this.bytes('changes')))), comparable(expected), 'what observers hear')
  }

  async hear(update, updateV2) {
    const before = this.looks(this.round.random)
    asYjs(() => (updateV2 ? Y.applyUpdateV2(this.doc, updateV2, 'remote') : Y.applyUpdate(this.doc, update, 'remote')))
    const events = this.tell()
    const answer = updateV2 ? await this.call('applyevent', updateV2, 'v2') : await this.call('applyevent', update)
    const [, integrated, pending, taken] = answer.map(word => word === '1')
    const event = decoded(answer[4])
    if (updateV2) sameUpdate(event, mergedV2(events.map(event => event.v2)), 'the event of an update', 'v2')
    else sameUpdate(event, merged(events.map(event => event.v1)), 'the event of an update')
    assert.equal(integrated, events.length > 0, 'integrated')
    assert.equal(pending, this.doc.store.pendingStructs !== null || this.doc.store.pendingDs !== null, 'pending')
    assert.equal(taken, false, 'client taken')
    await this.compareChanges(before, update)
  }

  async step1() {
    const message = await this.bytes('step1')
    sameBytes(message, this.step1InYjs(), 'sync step 1')
    return message
  }

  async receive(message) {
    const reply = this.receiveInYjs(message)
    const events = this.tell()
    const answer = await this.call('receive', message)
    sameBytes(decoded(answer[0]), reply, 'the reply to a sync message')
    assert.equal(answer[1] === '1', events.length > 0, 'integrated by a sync message')
    sameUpdate(decoded(answer[2]), merged(events.map(event => event.v1)), 'the event of a sync message')
    return reply
  }

  async compare() {
    sameUpdate(await this.bytes('state', nothing), Y.encodeStateAsUpdate(this.doc), 'state')
    sameUpdate(await this.bytes('state', nothing, 'v2'), Y.encodeStateAsUpdateV2(this.doc), 'state', 'v2')
    sameBytes(await this.bytes('sv'), Y.encodeStateVector(this.doc), 'state vector')
    await this.call('check')
  }

  async #reading(type, as, expected) {
    const name = nameOf(type)
    const bytes = await this.bytes('read', name, as)
    if (as === 'text' || as === 'xml') assert.equal(textOf(bytes), whole(expected), `${as} of ${name}`)
    else assert.deepEqual(as === 'delta' ? joined(parsed(bytes)) : parsed(bytes), expected, `${as} of ${name}: ${textOf(bytes)}`)
  }

  // Every type of the document, rendered in each way that fits.
  async compareReadings() {
    const roots = Object.keys(this.round.roots).map(name => this.doc.share.get(name))
    for (const type of typesBelow(roots)) {
      if (type instanceof Y.Text) {
        await this.#reading(type, 'delta', joined(type.toDelta().map(plain)))
        await this.#reading(type, 'map', plain(type.getAttributes()))
      }
      if (type instanceof Y.Text && !(type instanceof Y.XmlText)) await this.#reading(type, 'text', type.toString())
      if (type instanceof Y.XmlText || type instanceof Y.XmlFragment) await this.#reading(type, 'xml', type.toString())
      if (type instanceof Y.XmlElement) await this.#reading(type, 'map', plain(type.getAttributes()))
      if (type instanceof Y.Array || type instanceof Y.XmlFragment) await this.#reading(type, 'array', type.toArray().map(plain))
      if (type instanceof Y.Map) await this.#reading(type, 'map', plain(type))
      if (type._item) await this.#reading(type, 'json', plain(type))
    }
  }

  async takeSnapshot() {
    const snapshot = Y.snapshot(this.doc)
    const encoded = await this.bytes('snapshot')
    sameBytes(encoded, Y.encodeSnapshot(snapshot), 'snapshot')
    sameBytes(await this.bytes('snapshot', 'v2'), Y.encodeSnapshotV2(snapshot), 'snapshot (v2)')
    this.snapshots.push({ snapshot, encoded })
  }

  async takePosition(random) {
    const type = random.oneOf(typesBelow(Object.keys(this.round.roots).map(name => this.doc.share.get(name))).filter(type => !(type instanceof Y.Map)))
    if (!type) return
    const index = random.between(0, type.length)
    const assoc = random.oneOf([0, -1])
    const position = Y.createRelativePositionFromTypeIndex(type, index, assoc)
    const encoded = await this.bytes('position', nameOf(type), index, assoc)
    sameBytes(encoded, Y.encodeRelativePosition(position), `the position ${index} (${assoc}) in ${nameOf(type)}`)
    this.positions.push({ position, encoded })
  }

  async comparePositions() {
    for (const { position, encoded } of this.positions) {
      const place = Y.createAbsolutePositionFromRelativePosition(position, this.doc)
      const expected = place ? [nameOf(place.type), String(place.index), String(place.assoc)] : ['none']
      assert.deepEqual(await this.call('place', encoded), expected, `where the position ${Buffer.from(encoded).toString('hex')} lies`)
    }
  }

  // Last, for Yjs cuts its structs where a snapshot ends.
  async compareSnapshots(random) {
    const { engine, log } = this.round
    for (const { snapshot, encoded } of this.snapshots) {
      const other = random.oneOf(this.snapshots)
      assert.deepEqual(await engine.call('snapshotsame', encoded, other.encoded), [Y.equalSnapshots(snapshot, other.snapshot) ? '1' : '0'], 'equal snapshots')
      if (log.length) {
        const { v1 } = random.oneOf(log)
        assert.deepEqual(await engine.call('snapshotholds', encoded, v1, 'v1'), [Y.snapshotContainsUpdate(snapshot, v1) ? '1' : '0'], 'whether a snapshot holds an update')
      }
      if (!this.gc) await this.#compareAsOf(snapshot, encoded)
    }
  }

  async #compareAsOf(snapshot, encoded) {
    const { roots } = this.round
    const then = asYjs(() => Y.createDocFromSnapshot(this.doc, snapshot))
    const rebuilt = new Y.Doc()
    Y.applyUpdate(rebuilt, await this.bytes('snapshotstate', encoded, 'v1'))
    sameUpdate(Y.encodeStateAsUpdate(rebuilt), Y.encodeStateAsUpdate(then), 'the document as of a snapshot')
    for (const name in roots) {
      const type = then.get(name, Y[roots[name]])
      const as = { Text: 'text', Array: 'array', Map: 'map', XmlFragment: 'xml', XmlText: 'xml' }[roots[name]]
      const bytes = await this.bytes('read', base64(name), as, encoded)
      if (as === 'array' || as === 'map') assert.equal(halved(JSON.stringify(parsed(bytes))), halved(JSON.stringify(plain(type))), `${as} of ${name} as of a snapshot`)
      else assert.equal(halved(textOf(bytes)), halved(type.toString()), `${as} of ${name} as of a snapshot`)
    }
  }
}

// ---- a round ----

// Some of what a peer has not heard yet, in order or not; some of it again, some of it merged.
const hearSome = async (random, peer, { log }) => {
  const unheard = [...log.keys()].filter(i => !peer.seen.has(i))
  const ordered = random.chance(0.6)
  const picked = (ordered ? unheard : random.shuffled(unheard)).slice(0, random.between(1, Math.max(1, unheard.length)))
  if (log.length && random.chance(0.1)) picked.push(random.below(log.length))
  const group = random.chance(0.3) ? random.between(2, 5) : 1
  for (let i = 0; i < picked.length; i += group) {
    const chunk = picked.slice(i, i + group)
    const v2 = random.chance(0.4)
    await peer.hear(Y.mergeUpdates(chunk.map(k => log[k].v1)), v2 ? Y.mergeUpdatesV2(chunk.map(k => log[k].v2)) : undefined)
    for (const k of chunk) peer.seen.add(k)
  }
}

// The handshake of y-protocols, one way: `asking` gets what `answering` has.
const handshake = async (asking, answering) => {
  const reply = await answering.receive(await asking.step1())
  await asking.receive(reply)
}

const hearAll = async (random, round) => {
  for (let more = true; more;) {
    more = false
    for (const peer of round.peers) {
      while (peer.seen.size < round.log.length) {
        more = true
        await hearSome(random, peer, round)
      }
    }
  }
}

const converged = round => {
  const [first, ...others] = round.peers.map(peer => Y.encodeStateAsUpdate(peer.doc))
  const reading = readingOf(first, round.roots)
  for (const other of others) {
    assert.deepEqual(known(other), known(first), 'peers know the same in the end')
    assert.equal(readingOf(other, round.roots), reading, 'peers read the same in the end')
  }
}

const step = async (random, round) => {
  const peer = random.oneOf(round.peers)
  if (random.chance(0.4)) await hearSome(random, peer, round)
  else if (random.chance(0.1)) await handshake(peer, random.oneOf(round.peers.filter(other => other !== peer)))
  if (random.chance(0.8)) await peer.edit(random)
  if (random.chance(0.5)) await peer.compare()
  if (!(peer instanceof WeftPeer)) return
  if (random.chance(0.2)) await peer.compareReadings()
  if (random.chance(0.05)) await peer.takeSnapshot()
  if (random.chance(0.2)) await peer.takePosition(random)
}

const play = async (random, round, steps) => {
  const weft = round.peers.filter(peer => peer instanceof WeftPeer)
  for (const peer of weft) await peer.open()
  for (let i = 0; i < steps; i++) await step(random, round)
  await hearAll(random, round)
  for (const peer of weft) {
    await peer.compare()
    await peer.compareReadings()
    await peer.comparePositions()
  }
  converged(round)
  for (const peer of weft) await peer.compareSnapshots(random)
}

// Runs the round of a seed; returns what happened in it.
export const runMixedRound = async (engine, seed, options = {}) => {
  const random = randomFrom(seed)
  const family = options.family ?? random.oneOf(Object.keys(families))
  const mode = options.mode === 'plain' || options.mode === 'defined' ? options.mode : random.oneOf(['defined', 'plain'])
  const count = options.peers ?? random.between(2, 10)
  const style = { ...families[family].style, ...(random.chance(0.4) ? { astral: false } : {}) }
  const round = { engine, random, opening: openings[mode], roots: families[family].roots, log: [] }
  const weft = random.between(1, count)
  round.peers = clientIds(random, count).map((id, i) => {
    const gc = random.chance(0.6)
    return i < weft ? new WeftPeer(round, id, gc, i) : new YjsPeer(round, id, gc, random.oneOf([null, 'single', 'grouped']))
  })
  for (const peer of round.peers) peer.author = new Author(random, style, `doc ${peer.id}`)
  const steps = random.between(4, options.transactions ?? 40)
  const what = `${family}, ${mode}, ${weft} of ${count} peers are weft's, ${steps} steps`
  try {
    await play(random, round, steps)
    return { what, whole: true, chunks: round.log.length }
  } catch (error) {
    if (error instanceof YjsFailed) return { what, whole: false, chunks: round.log.length }
    error.message = `mixed round ${seed} (${what}): ${error.message}`
    throw error
  }
}
