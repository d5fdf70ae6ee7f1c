// Automerge, in its own format: an update is a change, a state is what save() gives. Documents are values; a box holds the latest.
export default require => {
  const A = require('@automerge/automerge')
  const actor = client => client.toString(16).padStart(32, '0')
  const start = A.save(A.from({ text: '' }, { actor: actor(0) })) // what all build on
  const open = client => ({ value: A.load(start, client === undefined ? {} : { actor: actor(client) }) })
  const take = (box, update) => { [box.value] = A.applyChanges(box.value, [update]) }
  return {
    format: 'automerge',
    open,
    close: box => A.free(box.value),
    text: box => box.value.text,
    take,
    load: bytes => ({ value: A.load(bytes) }),
    encode: box => A.save(box.value),
    vector: box => A.getHeads(box.value),
    vectorFrom: heads => heads,
    diff: (box, heads) => A.saveSince(box.value, heads),

    author(client, capture) {
      const box = open(client)
      const author = { doc: box, update: null }
      author.take = update => take(box, update)
      author.edit = patches => {
        box.value = A.change(box.value, draft => {
          for (const [at, deleted, inserted] of patches) A.splice(draft, ['text'], at, deleted, inserted)
        })
        if (capture) author.update = A.getLastLocalChange(box.value)
      }
      author.length = () => box.value.text.length
      return author
    }
  }
}
