// Several Yjs editors at one document, and the ways in which what they wrote may reach somebody else.
import { editsWith } from './edits.mjs'
import { formatsOf } from './formats.mjs'

const remote = 'remote'

export const families = {
  text: { roots: { t: 'Text' }, style: {} },
  typing: { roots: { t: 'Text' }, style: { typing: true } },
  richTyping: { roots: { t: 'Text' }, style: { typing: true, rich: true } },
  spot: { roots: { t: 'Text' }, style: { spot: 3 } },
  rich: { roots: { t: 'Text' }, style: { rich: true } },
  array: { roots: { a: 'Array' }, style: { spot: 2 } },
  map: { roots: { m: 'Map' }, style: { subdocs: true } },
  xml: { roots: { x: 'XmlFragment' }, style: { rich: true } },
  xmlText: { roots: { y: 'XmlText' }, style: { rich: true } },
  mixed: { roots: { t: 'Text', a: 'Array', m: 'Map', x: 'XmlFragment' }, style: { rich: true, subdocs: true } }
}

export const clientIds = (random, count) => {
  const pools = [
    () => random.between(1, 40),
    () => random.between(0, 4294967295),
    () => 4294967296 + random.below(1 << 30) * 8191,
    () => 9007199254740991 - random.below(3)
  ]
  const ids = new Set()
  while (ids.size < count) ids.add(random.oneOf(random.chance(0.7) ? pools.slice(0, 2) : pools)())
  return [...ids]
}

export function peersWith(Y) {
  const edits = editsWith(Y)
  const formats = formatsOf(Y)

  const newPeer = (id, setup) => {
    const doc = new Y.Doc({ gc: setup.peerGc })
    doc.clientID = id
    edits.define(doc, setup.roots)
    const undo = setup.undo ? new Y.UndoManager(Object.keys(setup.roots).map(name => doc.share.get(name)), { captureTimeout: setup.undo === 'grouped' ? 1e9 : 0, trackedOrigins: new Set(['edit']) }) : null
    return { id, doc, undo, seen: 0 }
  }

  // Edits by several peers who now and then hear of each other. Returns the updates they sent, in the order they were made.
  // `last`: in the end everybody has heard everything, and what that made them send is among the updates.
  const session = (random, setup, format = formats.v1) => {
    const peers = clientIds(random, setup.peers).map(id => newPeer(id, setup))
    const log = []
    for (const peer of peers) peer.doc.on(format.event, (update, origin) => { if (origin !== remote) log.push({ update, by: peer.id }) })
    const hear = (peer, upTo) => {
      for (; peer.seen < upTo; peer.seen++) if (log[peer.seen].by !== peer.id) format.apply(peer.doc, log[peer.seen].update, remote)
    }
    for (let i = 0; i < setup.transactions; i++) {
      const peer = random.oneOf(peers)
      if (random.chance(0.4)) hear(peer, random.chance(0.5) ? log.length : random.between(peer.seen, log.length))
      if (peer.undo && random.chance(0.25)) random.chance(0.65) ? peer.undo.undo() : peer.undo.redo()
      else edits.transaction(random, peer.doc, setup.roots, setup.style, 'edit')
    }
    while (peers.some(peer => peer.seen < log.length)) for (const peer of peers) hear(peer, log.length)
    return { peers, format, log: log.map(entry => entry.update) }
  }

  // A part of what an update holds: without the first units of one client.
  const cut = (random, update, format = formats.v1) => {
    const { from, to } = format.meta(update)
    const clients = [...from.keys()]
    if (clients.length === 0) return update
    const client = random.oneOf(clients)
    const known = new Map([[client, random.between(from.get(client), to.get(client))]])
    return format.diff(update, Y.encodeStateVector(known))
  }

  const grouped = (random, updates, size) => {
    const result = []
    for (let i = 0; i < updates.length;) {
      const count = random.between(1, size)
      result.push(updates.slice(i, i + count))
      i += count
    }
    return result
  }

  // How the updates of a session travel: name -> chunks in the order of arrival.
  const deliveries = {
    ordered: (random, { log }) => log,
    shuffled: (random, { log }) => random.shuffled(log),
    reversed: (random, { log }) => [...log].reverse(),
    duplicated: (random, { log }) => log.flatMap((update, i) => (random.chance(0.4) ? [update, log[random.between(0, i)], update] : [update])),
    lossy: (random, { log }) => random.shuffled(log.filter(() => random.chance(0.8))),
    late: (random, { log }) => { const i = random.below(log.length); return [...log.slice(0, i), ...log.slice(i + 1), log[i]] },
    merged: (random, { log, format }) => grouped(random, log, 5).map(group => format.merge(group)),
    mergedShuffled: (random, { log, format }) => grouped(random, random.shuffled(log), 4).map(group => format.merge(group)),
    cut: (random, { log, format }) => random.shuffled(log.flatMap(update => (random.chance(0.5) ? [cut(random, update, format), update] : [update]))),
    cutMerged: (random, { log, format }) => random.shuffled(grouped(random, log, 4).flatMap(group => { const whole = format.merge(group); return [cut(random, whole, format), whole, cut(random, whole, format)] })),
    states: (random, { log, peers, format }) => random.shuffled([...peers.map(peer => format.encode(peer.doc)), ...log.filter(() => random.chance(0.2))]),
    differences: (random, { log, peers, format }) => {
      const reader = new Y.Doc()
      return random.shuffled(log).flatMap(update => {
        format.apply(reader, update)
        return random.chance(0.3) ? [update, format.encode(random.oneOf(peers).doc, Y.encodeStateVector(reader))] : [update]
      })
    }
  }

  // A random session, described, with one way of delivery.
  const scene = (random, options = {}) => {
    const family = options.family ?? random.oneOf(Object.keys(families))
    const setup = {
      ...families[family],
      peers: random.between(2, 10),
      transactions: random.between(4, options.transactions ?? 40),
      peerGc: random.chance(0.7),
      undo: random.oneOf([null, null, 'single', 'grouped'])
    }
    if (random.chance(0.4)) setup.style = { ...setup.style, astral: false }
    const delivery = options.delivery ?? random.oneOf(Object.keys(deliveries))
    const format = formats[options.format ?? 'v1']
    if (format.name === 'v2' && random.chance(0.3)) setup.style = { ...setup.style, halves: true }
    const made = session(random, setup, format)
    return { family, delivery, setup, roots: setup.roots, ...made, chunks: made.log.length ? deliveries[delivery](random, made) : [] }
  }

  return { edits, scene, deliveries, cut }
}
