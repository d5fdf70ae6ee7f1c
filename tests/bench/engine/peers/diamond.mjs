// diamond-types, compiled to WebAssembly, in its own format: an update is a patch since the version before it.
export default require => {
  const { Doc } = require('diamond-types-node')
  const open = client => new Doc(`writer ${client ?? 'nobody'}`)
  return {
    format: 'diamond',
    open,
    close: doc => doc.free(),
    text: doc => doc.get(),
    take(doc, update) { doc.mergeBytes(update) },
    load: bytes => Doc.fromBytes(bytes),
    encode: doc => doc.toBytes(),
    vector: doc => doc.getLocalVersion(),
    vectorFrom: values => Uint32Array.from(values),
    diff: (doc, version) => doc.getPatchSince(version),

    author(client, capture) {
      const doc = open(client)
      const author = { doc, update: null }
      author.take = update => doc.mergeBytes(update)
      author.edit = patches => {
        const before = capture && doc.getLocalVersion()
        for (const [at, deleted, inserted] of patches) {
          if (deleted) doc.del(at, deleted)
          if (inserted) doc.ins(at, inserted)
        }
        if (capture) author.update = doc.getPatchSince(before)
      }
      author.length = () => doc.len()
      return author
    }
  }
}
