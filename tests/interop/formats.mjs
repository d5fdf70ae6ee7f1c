// Yjs' functions on updates by format, under the same names.
export const formatsOf = Y => ({
  v1: {
    name: 'v1',
    other: 'v2',
    event: 'update',
    apply: Y.applyUpdate,
    encode: Y.encodeStateAsUpdate,
    merge: Y.mergeUpdates,
    diff: Y.diffUpdate,
    vector: Y.encodeStateVectorFromUpdate,
    meta: Y.parseUpdateMeta,
    decode: Y.decodeUpdate,
    convert: Y.convertUpdateFormatV1ToV2
  },
  v2: {
    name: 'v2',
    other: 'v1',
    event: 'updateV2',
    apply: Y.applyUpdateV2,
    encode: Y.encodeStateAsUpdateV2,
    merge: Y.mergeUpdatesV2,
    diff: Y.diffUpdateV2,
    vector: Y.encodeStateVectorFromUpdateV2,
    meta: Y.parseUpdateMetaV2,
    decode: Y.decodeUpdateV2,
    convert: Y.convertUpdateFormatV2ToV1
  }
})
