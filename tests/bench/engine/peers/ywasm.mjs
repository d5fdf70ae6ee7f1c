// yrs, compiled to WebAssembly.
export default require => {
  const Y = require('ywasm')
  const open = client => new Y.YDoc(client === undefined ? {} : { clientID: client })
  return {
    format: 'yjs',
    open,
    close: doc => doc.free(),
    listen(doc, heard) { doc.onUpdate(heard) },
    text: doc => doc.getText('text').toString(),
    take(doc, update) { Y.applyUpdate(doc, update, 'taken') },
    takeV2(doc, update) { Y.applyUpdateV2(doc, update, 'taken') },
    encode: doc => Y.encodeStateAsUpdate(doc),
    encodeV2: doc => Y.encodeStateAsUpdateV2(doc),
    vector: doc => Y.encodeStateVector(doc),
    diff: (doc, vector) => Y.encodeStateAsUpdate(doc, vector),

    author(client, capture) {
      const doc = open(client)
      const text = doc.getText('text')
      const author = { doc, update: null }
      if (capture) doc.onUpdate(update => { author.update = update })
      author.take = update => Y.applyUpdate(doc, update, 'taken')
      author.edit = patches => {
        const transaction = doc.beginTransaction('edit')
        for (const [at, deleted, inserted] of patches) {
          if (deleted) text.delete(at, deleted, transaction)
          if (inserted) text.insert(at, inserted, undefined, transaction)
        }
        transaction.commit()
        transaction.free()
      }
      return author
    }
  }
}
