// json-joy, in its own format: an update is a patch, a state is a model.
export default require => {
  const { Model, Patch, s } = require('json-joy/lib/json-crdt')
  const FIRST_SESSION = 65536
  const open = client => {
    const model = Model.create(s.str(''), FIRST_SESSION + (client ?? 0))
    model.api.flush() // what all build on: the same for all
    return model
  }
  return {
    format: 'json-joy',
    open,
    close() {},
    text: model => model.view(),
    take(model, update) { model.applyPatch(Patch.fromBinary(update)) },
    load: bytes => Model.fromBinary(bytes),
    encode: model => model.toBinary(),

    author(client, capture) {
      const model = open(client)
      const author = { doc: model, update: null }
      author.take = update => model.applyPatch(Patch.fromBinary(update))
      author.edit = patches => {
        const text = model.api.str([])
        for (const [at, deleted, inserted] of patches) {
          if (deleted) text.del(at, deleted)
          if (inserted) text.ins(at, inserted)
        }
        const patch = model.api.flush()
        if (capture) author.update = patch.toBinary()
      }
      author.length = () => model.api.str([]).length()
      return author
    }
  }
}
