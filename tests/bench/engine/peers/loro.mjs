// Loro, in its own format: an update is what one commit exports, a state is a snapshot.
export default require => {
  const { LoroDoc, VersionVector } = require('loro-crdt')
  const open = client => {
    const doc = new LoroDoc()
    if (client !== undefined) doc.setPeerId(String(client))
    return doc
  }
  return {
    format: 'loro',
    open,
    close: doc => doc.free(),
    text: doc => doc.getText('text').toString(),
    take(doc, update) { doc.import(update) },
    encode: doc => doc.export({ mode: 'snapshot' }),
    vector: doc => doc.oplogVersion().encode(),
    vectorFrom: values => VersionVector.decode(Uint8Array.from(values)),
    diff: (doc, vector) => doc.export({ mode: 'update', from: vector }),

    author(client, capture) {
      const doc = open(client)
      const text = doc.getText('text')
      const author = { doc, update: null }
      if (capture) doc.subscribeLocalUpdates(update => { author.update = update })
      author.take = update => doc.import(update)
      author.edit = patches => {
        for (const [at, deleted, inserted] of patches) {
          if (deleted) text.delete(at, deleted)
          if (inserted) text.insert(at, inserted)
        }
        doc.commit()
      }
      author.length = () => text.length
      return author
    }
  }
}
