/* What can go wrong in the server, as one code from the rooms to the handlers. src/api/routes.c
 * gives each its status. */
#ifndef WEFT_BASE_ERR_H
#define WEFT_BASE_ERR_H

#define ERR_MUST_CHECK __attribute__((warn_unused_result))

/* Every code, with a sentence for people that says what to do. */
#define ERR_TABLE(X)                                                                               \
    X(ERR_OK, 0, "success")                                                                        \
    X(ERR_MALFORMED_UPDATE, -1,                                                                    \
      "the body is not a Yjs update in the format it is said to be in (v1, or v2 with "            \
      "encoding=v2); "                                                                             \
      "send the bytes of one update, whole and alone")                                             \
    X(ERR_MALFORMED_AWARENESS, -2,                                                                 \
      "the body is not a y-protocols awareness update; send the bytes of one, whole and alone")    \
    X(ERR_MALFORMED_STATE_VECTOR, -3,                                                              \
      "sv is not a state vector; send what Y.encodeStateVector gives, as base64url")               \
    X(ERR_PENDING_LIMIT, -4,                                                                       \
      "too much of this document waits for updates that have not come; send those first")          \
    X(ERR_AWARENESS_LIMIT, -5,                                                                     \
      "this document has as many awareness states as it can hold; try again later")                \
    X(ERR_DELETED, -6, "the document was deleted; a PUT brings the name back")                     \
    X(ERR_EXISTS, -7, "the document exists already; POST to its updates instead")                  \
    X(ERR_EPOCH_CHANGED, -8,                                                                       \
      "the document does not have this epoch any more; read it anew before writing")               \
    X(ERR_STORAGE_FULL, -9,                                                                        \
      "no space is left to store this; nothing was changed, try again later")                      \
    X(ERR_STORAGE, -10, "the storage failed; nothing was acknowledged, try again later")           \
    X(ERR_OVERLOADED, -11, "too much waits already; try again later")                              \
    X(ERR_DRAINING, -12, "the server is about to stop; try again at once, elsewhere or later")     \
    X(ERR_NO_MEMORY, -13, "the server is short of memory; try again later")                        \
    X(ERR_EVENT_GONE, -14,                                                                         \
      "this event is of another life of the document; read the document anew")                     \
    X(ERR_EVENT_UNKNOWN, -15, "the document has no such event yet; ask for one up to its head")    \
    X(ERR_NOT_JSON, -16, "the body is not JSON")                                                   \
    X(ERR_INVALID_EDIT, -17, "an edit does not fit the document; nothing was changed")             \
    X(ERR_UPDATE_LIMIT, -18,                                                                       \
      "in format v1 this update is larger than the server takes; send it in parts")                \
    X(ERR_CONTENT_LIMIT, -19,                                                                      \
      "this root is too large to be shown this way; read the document's state instead")

typedef enum err {
#define X(name, value, text) name = value,
    ERR_TABLE(X)
#undef X
} err;

/* Returns a static sentence. */
const char *err_text(err code);

#endif
