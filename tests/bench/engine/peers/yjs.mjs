// Yjs.
export default require => {
  const Y = require('yjs')
  const open = client => {
    const doc = new Y.Doc()
    if (client !== undefined) doc.clientID = client
    return doc
  }
  return {
    format: 'yjs',
    open,
    close() {},
    listen(doc, heard) { doc.on('update', heard) },
    text: doc => doc.getText('text').toString(),
    take(doc, update) { Y.applyUpdate(doc, update) },
    takeV2(doc, update) { Y.applyUpdateV2(doc, update) },
    encode: doc => Y.encodeStateAsUpdate(doc),
    encodeV2: doc => Y.encodeStateAsUpdateV2(doc),
    vector: doc => Y.encodeStateVector(doc),
    diff: (doc, vector) => Y.encodeStateAsUpdate(doc, vector),
    merge: updates => Y.mergeUpdates(updates),
    structs: doc => [...doc.store.clients.values()].reduce((sum, structs) => sum + structs.length, 0),

    author(client, capture) {
      const doc = open(client)
      const text = doc.getText('text')
      const author = { doc, update: null }
      if (capture) doc.on('update', (update, origin) => { if (origin !== 'taken') author.update = update })
      author.take = update => Y.applyUpdate(doc, update, 'taken')
      author.edit = patches => doc.transact(() => {
        for (const [at, deleted, inserted] of patches) {
          if (deleted) text.delete(at, deleted)
          if (inserted) text.insert(at, inserted)
        }
      })
      return author
    }
  }
}
