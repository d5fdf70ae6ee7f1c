/* weft-crdt: Yjs 13 documents in C.
 *
 * SPDX-License-Identifier: MIT
 *
 * The nouns. A document (`crdt_doc`) is the merge of every update applied to it. An update is bytes
 * in one of Yjs' two update formats: structs (runs of units, each with a client and a clock) and a
 * delete set. A state vector says, per client, the next clock one expects; a document encoded
 * against somebody's state vector is what they lack. A type (`crdt_type`) is a shared container in
 * the document: a root, known by its name, or one nested in another. A unit is what indices and
 * lengths count: a UTF-16 code unit of text, an element of a list.
 *
 * The rules. The library does no I/O, keeps no globals, starts no threads, reads no clock and draws
 * no numbers. Different documents, snapshots and awarenesses may be used by different threads at
 * once; one of them by one thread at a time. Nothing here calls back. Input is never trusted: an
 * update is decoded and validated whole before the document changes, and work and memory are
 * bounded by its bytes.
 *
 * Memory. "borrows": until the call returns. "appends to out": the buffer is the caller's, and is
 * left as it was when the call fails. "lends": the bytes belong to the document and are good until
 * the next call that changes it.
 */
#ifndef CRDT_H
#define CRDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with hidden symbols; what is declared here is all it shows. */
#pragma GCC visibility push(default)

#define CRDT_MUST_CHECK __attribute__((warn_unused_result))

/* Every error, with the sentence that `crdt_strerror` returns. */
#define CRDT_ERR_TABLE(X)                                                                          \
    X(CRDT_OK, 0, "success")                                                                       \
    X(CRDT_MALFORMED, -1, "the bytes are not what they should be in Yjs' formats")                 \
    X(CRDT_NO_MEMORY, -2, "out of memory")                                                         \
    X(CRDT_LIMIT, -3, "a limit of the document would be passed")                                   \
    X(CRDT_FAILED, -4, "the document failed half way before; it can only be freed")                \
    X(CRDT_INVALID, -5, "the call does not fit the document as it stands")                         \
    X(CRDT_GONE, -6, "the type is not in the document, or no longer")

typedef enum crdt_err {
#define X(name, value, text) name = value,
    CRDT_ERR_TABLE(X)
#undef X
} crdt_err;

/* Returns a static sentence. */
const char *crdt_strerror(crdt_err err);

/* Clients and clocks are integers up to 2^53-1 (Number.MAX_SAFE_INTEGER). */
#define CRDT_CLOCK_MAX UINT64_C(9007199254740991)
/* Any and JSON values may nest this deep; types may nest without limit. */
#define CRDT_VALUE_DEPTH_MAX 512
/* Steps of a path to a type, in what is told of changes; deeper types are told without. */
#define CRDT_PATH_LEN_MAX 512
/* Clients in one document. */
#define CRDT_CLIENTS_MAX ((1u << 24) - 1)
/* Structs that an update in format v2 may hold: so many in any case, and so many for each of its
 * bytes. Its columns are run-length coded, and could claim millions in twenty bytes. */
#define CRDT_V2_STRUCTS_FREE     16384
#define CRDT_V2_STRUCTS_PER_BYTE 16

/* Where memory comes from. `resize` behaves as realloc does for every size above 0; `release`
 * accepts NULL. */
typedef struct crdt_mem {
    void *(*resize)(void *ctx, void *old, size_t old_size, size_t new_size);
    void (*release)(void *ctx, void *ptr, size_t size);
    void *ctx;
} crdt_mem;

/* Bytes that belong to somebody else. */
typedef struct crdt_bytes {
    const uint8_t *data;
    size_t len;
} crdt_bytes;

/* Bytes that belong to whoever holds the struct. {0} is an empty buffer on malloc. */
typedef struct crdt_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    const crdt_mem *mem; /* NULL: malloc */
} crdt_buf;

void crdt_buf_free(crdt_buf *buf); /* leaves it empty and usable */

/* The name of one unit: who made it, and its number among what they made. */
typedef struct crdt_id {
    uint64_t client;
    uint64_t clock;
} crdt_id;

/* The two formats of updates and snapshots. Nothing in the bytes tells them apart: peers agree on
 * one outside. State vectors, awareness and sync messages know only one form. */
typedef enum crdt_encoding { CRDT_V1 = 1, CRDT_V2 = 2 } crdt_encoding;

/* ---- documents ---- */

typedef struct crdt_doc crdt_doc;

typedef enum crdt_gc { CRDT_GC_ON, CRDT_GC_OFF } crdt_gc;

/* Yjs tidies redundant formatting marks of texts after a remote transaction, which is an edit of
 * its own. A server whose state must be the merge of what it accepted leaves that to the editors.
 */
typedef enum crdt_cleanup { CRDT_CLEANUP_OFF, CRDT_CLEANUP_ON } crdt_cleanup;

/* Whether each transaction's changes are kept for crdt_doc_changes; it costs a walk over what
 * changed. */
typedef enum crdt_changes { CRDT_CHANGES_OFF, CRDT_CHANGES_ON } crdt_changes;

/* {0} is a good default. */
typedef struct crdt_doc_options {
    const crdt_mem *mem;      /* kept until crdt_doc_free; NULL: malloc */
    size_t memory_max;        /* bytes the document may hold; 0: no limit */
    size_t pending_bytes_max; /* bytes of structs and deletes waiting for others; 0: no limit */
    uint64_t hash_seed; /* something peers cannot guess, drawn for each document: else they can
                           choose clients and names that collide. 0 will do for what is one's own */
    crdt_gc gc;
    crdt_cleanup cleanup;
    crdt_changes changes;
} crdt_doc_options;

/* Returns owned (crdt_doc_free), or NULL when out of memory. Borrows `options` (NULL: the default).
 */
crdt_doc *crdt_doc_new(const crdt_doc_options *options);

/* Frees everything in a few calls, whatever the size. Accepts NULL. */
void crdt_doc_free(crdt_doc *doc);

/* What applying an update did. */
typedef struct crdt_applied {
    bool changed;    /* something was new: integrated, deleted, or put to wait */
    bool integrated; /* the visible part changed: state vector or deletions */
    bool pending; /* after the call, something in the document waits for updates that have not come
                   */
    bool client_taken; /* the update held structs of the document's own client: somebody else uses
                          that number. The document has none now; see crdt_doc_set_client */
} crdt_applied;

/* Applies one update (Yjs: applyUpdate, applyUpdateV2). Borrows `update`; `out` may be NULL.
 * CRDT_MALFORMED: bad bytes, bytes after the end included; document unchanged.
 * CRDT_LIMIT: `memory_max` or `pending_bytes_max` would be passed; document unchanged or, when
 * memory ran out half way, failed. CRDT_NO_MEMORY: document unchanged, or failed. CRDT_INVALID: a
 * transaction of local edits is open. CRDT_FAILED: it had failed before. Cost: linear in the
 * update, times the logarithm of the structs of a client; constant for typing. */
CRDT_MUST_CHECK crdt_err crdt_doc_apply(crdt_doc *doc, crdt_encoding encoding, crdt_bytes update,
                                        crdt_applied *out);

/* The same, and appends to `event` the update that this one came to (Yjs: the payload of the event
 * 'update'): what was new in it and could be integrated, with what had waited for it. Appends
 * nothing when nothing was integrated. */
CRDT_MUST_CHECK crdt_err crdt_doc_apply_event(crdt_doc *doc, crdt_encoding encoding,
                                              crdt_bytes update, crdt_applied *out,
                                              crdt_buf *event);

/* True once an operation ran out of memory half way: the document refuses all work and is to be
 * freed. */
bool crdt_doc_failed(const crdt_doc *doc);

/* True while structs or deletes wait for updates that have not come. A peer's difference to the
 * document's state vector completes it. */
bool crdt_doc_pending(const crdt_doc *doc);

/* Appends to `out` one update with everything `sv` (an encoded state vector; empty: nothing known)
 * lacks, with all deletions and all that is pending (Yjs: encodeStateAsUpdate). CRDT_MALFORMED: bad
 * `sv`. */
CRDT_MUST_CHECK crdt_err crdt_doc_encode_state(crdt_doc *doc, crdt_encoding encoding, crdt_bytes sv,
                                               crdt_buf *out);

/* Appends the encoded state vector to `out` (Yjs: encodeStateVector). */
CRDT_MUST_CHECK crdt_err crdt_doc_encode_state_vector(crdt_doc *doc, crdt_buf *out);

/* Bytes held now, all of them. */
size_t crdt_doc_memory_bytes(const crdt_doc *doc);
/* Structs held now. */
size_t crdt_doc_struct_count(const crdt_doc *doc);
/* Bytes of structs and deletes that wait, about what they take encoded. */
size_t crdt_doc_pending_bytes(const crdt_doc *doc);

/* Verifies every numbered invariant of crdt/README.md. Returns NULL, or a static sentence naming
 * the first one that does not hold. Cost: linear in the document. */
const char *crdt_doc_check(const crdt_doc *doc);

/* ---- types ---- */

/* The numbers are those of the wire. */
typedef enum crdt_type_kind {
    CRDT_ARRAY = 0,
    CRDT_MAP = 1,
    CRDT_TEXT = 2,
    CRDT_XML_ELEMENT = 3,
    CRDT_XML_FRAGMENT = 4,
    CRDT_XML_HOOK = 5,
    CRDT_XML_TEXT = 6
} crdt_type_kind;

/* Names one type of one document; a plain value. It stays good for the document's life: of a type
 * that is no more, calls say CRDT_GONE. */
typedef struct crdt_type {
    uint32_t root; /* a root's number; 0: a nested type */
    crdt_id item;  /* of a nested type: the item that holds it */
} crdt_type;

/* The root `name` (UTF-8, borrowed), made if it is not there (Yjs: doc.get and its kin). Roots have
 * no kind in the data: any of them may be read and edited as any; `kind` only tells the clean-up of
 * formatting marks that it is a text. CRDT_MALFORMED: bad UTF-8. */
CRDT_MUST_CHECK crdt_err crdt_doc_root(crdt_doc *doc, crdt_bytes name, crdt_type_kind kind,
                                       crdt_type *out);

/* The root of that name, if there is one. Changes nothing. */
bool crdt_doc_find_root(const crdt_doc *doc, crdt_bytes name, crdt_type *out);

/* Walks the roots in the order in which they came: call with *cursor = 0 first; false at the end.
 * `name` is lent. */
bool crdt_doc_next_root(const crdt_doc *doc, size_t *cursor, crdt_type *out, crdt_bytes *name);

/* What a type is. */
typedef struct crdt_type_info {
    crdt_type_kind kind; /* of a root: guessed from what is in it (list items, then keys) */
    bool has_content;    /* a root: false where nothing tells a kind, and `kind` is meaningless */
    uint64_t length;     /* visible units of its list */
    crdt_bytes name;     /* a root's; an element's or hook's node name; lent */
    bool has_parent;
    crdt_type parent;
    bool deleted;
} crdt_type_info;

CRDT_MUST_CHECK crdt_err crdt_type_describe(const crdt_doc *doc, crdt_type type,
                                            crdt_type_info *out);

/* ---- values ---- */

typedef enum crdt_value_kind {
    CRDT_VALUE_NONE,   /* read: there is none */
    CRDT_VALUE_JSON,   /* `bytes` is one JSON text */
    CRDT_VALUE_ANY,    /* `bytes` is one value in lib0's Any encoding: tells undefined, NaN, BigInt
                          and bytes, too */
    CRDT_VALUE_STRING, /* `bytes` is UTF-8: a string, in a list or a map */
    CRDT_VALUE_BINARY, /* `bytes` are bytes (a Uint8Array) */
    CRDT_VALUE_TYPE,   /* a nested type of kind `type`; `bytes` is the node name of an element or
                          hook. Read: `handle` is it */
    CRDT_VALUE_DOC     /* a sub-document: `bytes` is its guid, `options` an Any object, or empty */
} crdt_value_kind;

/* One value: an element, an entry, an embed. Given to the library it is borrowed; read, its bytes
 * are lent. */
typedef struct crdt_value {
    crdt_value_kind kind;
    crdt_type_kind type;
    crdt_bytes bytes;
    crdt_bytes options;
    crdt_type handle;
} crdt_value;

static inline crdt_bytes crdt_bytes_of(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    crdt_bytes bytes = {(const uint8_t *)text, len};
    return bytes;
}

static inline crdt_value crdt_json(const char *text)
{
    crdt_value value = {CRDT_VALUE_JSON, CRDT_ARRAY, crdt_bytes_of(text), {NULL, 0}, {0, {0, 0}}};
    return value;
}

/* ---- local edits ----
 *
 * The same structs that Yjs makes for the same calls, placed as Yjs places them. Edits belong to a
 * transaction: crdt_doc_begin, any number of edits, crdt_doc_commit, which gives the one update
 * that tells peers of them. Each edit sees the ones before it.
 *
 * Every edit returns: CRDT_OK; CRDT_INVALID, and nothing changed: no transaction is open, the
 * document has no client, an index lies past the end, a value is not of a kind that fits;
 * CRDT_MALFORMED, and nothing changed: text is not UTF-8, JSON or Any does not parse; CRDT_GONE:
 * there is no such type; CRDT_LIMIT, CRDT_NO_MEMORY: nothing changed, or the document has failed.
 */

/* Newlines that formatting past the end of a text may add in one call; beyond, CRDT_LIMIT. */
#define CRDT_NEWLINES_MAX 65536

/* Sets the number under which the document makes structs (Yjs: doc.clientID, 32 random bits): drawn
 * anew for each session, never shared with anybody who edits at the same time. CRDT_INVALID: above
 * CRDT_CLOCK_MAX, or a transaction is open. */
CRDT_MUST_CHECK crdt_err crdt_doc_set_client(crdt_doc *doc, uint64_t client);

/* Whether anything in the document speaks of that number: not one to be drawn anew. */
bool crdt_doc_knows_client(const crdt_doc *doc, uint64_t client);

/* Opens a transaction (Yjs: doc.transact). CRDT_INVALID: one is open, or no client is set. */
CRDT_MUST_CHECK crdt_err crdt_doc_begin(crdt_doc *doc);

/* Ends it: collects garbage, merges, and appends to `update` (may be NULL) the update that says
 * what was done, or nothing if nothing was. Content that was inserted and deleted in between is not
 * in it. An edit that failed did nothing; those before it stand. CRDT_INVALID: none is open.
 * CRDT_NO_MEMORY and the document has not failed: there was no room for the update; the transaction
 * is still open, to be committed again. */
CRDT_MUST_CHECK crdt_err crdt_doc_commit(crdt_doc *doc, crdt_encoding encoding, crdt_buf *update);

/* Texts (Y.Text, Y.XmlText). `attributes` is an object, JSON or Any; null values take a format
 * away, undefined ones are refused. */

/* Inserts UTF-8 before the unit `index`. `attributes` NULL: the text takes on the formats around
 * it; otherwise it has exactly these. An index between the halves of a surrogate pair turns both
 * into U+FFFD, as in Yjs. */
CRDT_MUST_CHECK crdt_err crdt_text_insert(crdt_doc *doc, crdt_type text, uint64_t index,
                                          crdt_bytes string, const crdt_value *attributes);

/* Inserts an embed (JSON, ANY; neither a string nor null) or a type, as one unit. NULL attributes:
 * none. */
CRDT_MUST_CHECK crdt_err crdt_text_insert_embed(crdt_doc *doc, crdt_type text, uint64_t index,
                                                const crdt_value *value,
                                                const crdt_value *attributes);

/* Deletes `length` units; those past the end are ignored, as in Yjs. */
CRDT_MUST_CHECK crdt_err crdt_text_delete(crdt_doc *doc, crdt_type text, uint64_t index,
                                          uint64_t length);

/* Formats `length` units; formatting past the end adds newlines, as in Yjs, but no more than
 * CRDT_NEWLINES_MAX. */
CRDT_MUST_CHECK crdt_err crdt_text_format(crdt_doc *doc, crdt_type text, uint64_t index,
                                          uint64_t length, const crdt_value *attributes);

/* Yjs may drop a last newline, which Quill's texts end with. */
typedef enum crdt_delta_mode { CRDT_DELTA_AS_IS, CRDT_DELTA_DROP_LAST_NEWLINE } crdt_delta_mode;

/* Applies a Quill delta, a JSON array of operations (Yjs: applyDelta): strings are inserted as
 * text, all else but null as embeds. CRDT_MALFORMED: not JSON; CRDT_INVALID: not a delta;
 * CRDT_LIMIT: too many newlines; nothing changed then. Cost: one walk. */
CRDT_MUST_CHECK crdt_err crdt_text_apply_delta(crdt_doc *doc, crdt_type text, crdt_bytes delta,
                                               crdt_delta_mode mode);

/* True if `index` lies between the halves of a surrogate pair. */
bool crdt_text_splits_pair(crdt_doc *doc, crdt_type text, uint64_t index);

/* Lists (Y.Array; the children of Y.XmlFragment and Y.XmlElement). */

/* Inserts `count` values before the unit `index`: any but undefined and BigInt, which Yjs knows as
 * entries of maps alone. */
CRDT_MUST_CHECK crdt_err crdt_list_insert(crdt_doc *doc, crdt_type list, uint64_t index,
                                          const crdt_value *values, size_t count);

/* Adds values at the end, behind what was deleted there, too (Yjs: array.push). */
CRDT_MUST_CHECK crdt_err crdt_list_push(crdt_doc *doc, crdt_type list, const crdt_value *values,
                                        size_t count);

/* Inserts values right behind the child `after`; NULL: at the start (Yjs: xml.insertAfter).
 * CRDT_INVALID: it is not a child of `list`. */
CRDT_MUST_CHECK crdt_err crdt_list_insert_after(crdt_doc *doc, crdt_type list,
                                                const crdt_type *after, const crdt_value *values,
                                                size_t count);

/* Deletes `length` units. CRDT_INVALID, and nothing changed, past the end. (Yjs deletes up to the
 * end first, and then throws.) */
CRDT_MUST_CHECK crdt_err crdt_list_delete(crdt_doc *doc, crdt_type list, uint64_t index,
                                          uint64_t length);

/* Maps (Y.Map; the attributes of XML elements and of texts). Keys are UTF-8. */
CRDT_MUST_CHECK crdt_err crdt_map_set(crdt_doc *doc, crdt_type map, crdt_bytes key,
                                      const crdt_value *value);
CRDT_MUST_CHECK crdt_err crdt_map_delete(crdt_doc *doc, crdt_type map, crdt_bytes key);
CRDT_MUST_CHECK crdt_err crdt_map_clear(crdt_doc *doc, crdt_type map);

/* Makes what edits it takes for every root to have the content that it has in `past`; other roots
 * are emptied. `past` is the same document at another moment, or any other. What has stayed since
 * stays: units and types are told again by their ids, then by what they hold, and a type that is
 * found again is changed, not replaced. Formats come out as they were, though perhaps by other
 * marks. Nothing is done where nothing is different. A root that is emptied may still tell, by what
 * was deleted in it, of what kind it was. CRDT_FAILED: `past` has failed, too. CRDT_LIMIT,
 * CRDT_NO_MEMORY: the document has failed. Cost: linear in both documents, and in what differs
 * times its edits. */
CRDT_MUST_CHECK crdt_err crdt_doc_restore(crdt_doc *doc, crdt_doc *past);

/* ---- reading ---- */

/* A moment of a document: a state vector and a delete set (Yjs: Snapshot). Only a document that
 * does not collect garbage can be read as of one. */
typedef struct crdt_snapshot crdt_snapshot;

/* The element at `index`, CRDT_VALUE_NONE past the end. Cost: logarithmic in long lists. */
CRDT_MUST_CHECK crdt_err crdt_list_get(crdt_doc *doc, crdt_type list, uint64_t index,
                                       crdt_value *out);

/* The value of `key`, or CRDT_VALUE_NONE. */
CRDT_MUST_CHECK crdt_err crdt_map_get(const crdt_doc *doc, crdt_type map, crdt_bytes key,
                                      crdt_value *out);

/* Walks the present keys in the order in which they first came: *cursor = 0 first; *found is false
 * at the end. */
CRDT_MUST_CHECK crdt_err crdt_map_next(const crdt_doc *doc, crdt_type map, size_t *cursor,
                                       bool *found, crdt_bytes *key, crdt_value *out);

/* Each appends one rendering of a type to `out`, as of the snapshot `at` (NULL: now). CRDT_GONE: no
 * such type, or, now, a deleted one. CRDT_INVALID: `at` is given, and the document collects
 * garbage. Nested types recurse, without recursion in C: what comes out may nest deeper than a
 * parser likes. Cost: linear in what is read and written, which for texts with very many formats is
 * more than the document holds; `out` may have a memory table that sets a bound.
 *
 * What comes out is UTF-8; unpaired surrogates are U+FFFD. In JSON, binary is a base64 string;
 * undefined, NaN and infinities are null; a BigInt is a number up to 2^53-1, else a string; a
 * sub-document is {"guid":...}; XML is its string. */

/* The plain text; embeds and types leave no trace. */
CRDT_MUST_CHECK crdt_err crdt_read_text(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                        crdt_buf *out);
/* A Quill delta, as JSON. Neighbours with equal attributes are joined. A type among the text is
 * inserted as its JSON. */
CRDT_MUST_CHECK crdt_err crdt_read_delta(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                         crdt_buf *out);
/* The list, as a JSON array. */
CRDT_MUST_CHECK crdt_err crdt_read_array(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                         crdt_buf *out);
/* The keys, as a JSON object, in the order in which they first came. */
CRDT_MUST_CHECK crdt_err crdt_read_map(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                       crdt_buf *out);
/* What toJSON of its kind gives, as JSON; of a root whatever is in it (null if nothing tells; keys
 * win where there are both). */
CRDT_MUST_CHECK crdt_err crdt_read_json(crdt_doc *doc, crdt_type type, const crdt_snapshot *at,
                                        crdt_buf *out);

/* Yjs' toString escapes nothing. Well-formed XML (1.0, fifth edition) escapes what must be;
 * characters that XML lacks become U+FFFD, bad characters of names `_`, colons among them, for they
 * would make undeclared prefixes; of attributes whose names become the same one stays. The children
 * of a root have no element around them. */
typedef enum crdt_xml_style { CRDT_XML_YJS, CRDT_XML_WELL_FORMED } crdt_xml_style;
CRDT_MUST_CHECK crdt_err crdt_read_xml(crdt_doc *doc, crdt_type type, crdt_xml_style style,
                                       const crdt_snapshot *at, crdt_buf *out);

/* The present sub-documents in the order in which they came: *cursor = 0 first; false at the end.
 */
bool crdt_doc_next_subdoc(const crdt_doc *doc, size_t *cursor, crdt_value *out);

/* ---- what changed ---- */

/* Appends what the last transaction (one update applied, or one committed) changed, as a JSON array
 * with one object per changed type, outermost first (Yjs: observeDeep):
 *
 *     {"root":"name","path":["key",0],"kind":"text",
 *      "delta":[{"retain":3},{"insert":"x","attributes":{...}},{"delete":1}],
 *      "keys":{"k":{"action":"add"|"update"|"delete","oldValue":...,"newValue":...}}}
 *
 * `path` leads from the root to the type as it is now; it and `root` are null beyond
 * CRDT_PATH_LEN_MAX steps. `kind` is one of array, map, text, xmlElement, xmlFragment, xmlHook,
 * xmlText, or null for a root of which nothing tells it. `delta` is there if the list is different
 * now, `keys` if entries are; of lists that are no texts, what is inserted is an array of values.
 * Values are as crdt_read_json writes them, old ones as they were before. Types that the
 * transaction made, or that are deleted, are not listed: the change of what holds them says it.
 * CRDT_INVALID: the document was made without CRDT_CHANGES_ON. CRDT_NO_MEMORY, CRDT_LIMIT: there
 * was no room to tell this transaction's; the document is unharmed. */
CRDT_MUST_CHECK crdt_err crdt_doc_changes(const crdt_doc *doc, crdt_buf *out);

/* ---- snapshots ---- */

/* Appends the document's present moment (Yjs: encodeSnapshot of snapshot(doc)). */
CRDT_MUST_CHECK crdt_err crdt_doc_snapshot(crdt_doc *doc, crdt_encoding encoding, crdt_buf *out);

/* Decodes one; returns owned through `out` (crdt_snapshot_free). `mem` is kept; NULL: malloc. */
CRDT_MUST_CHECK crdt_err crdt_snapshot_new(crdt_encoding encoding, crdt_bytes bytes,
                                           const crdt_mem *mem, crdt_snapshot **out);
void crdt_snapshot_free(crdt_snapshot *snapshot); /* accepts NULL */
CRDT_MUST_CHECK crdt_err crdt_snapshot_encode(const crdt_snapshot *snapshot, crdt_encoding encoding,
                                              crdt_buf *out);
/* The same moment (Yjs: equalSnapshots). */
bool crdt_snapshot_equal(const crdt_snapshot *a, const crdt_snapshot *b);

/* Appends an update with the document as it was at the snapshot (Yjs: createDocFromSnapshot).
 * CRDT_INVALID: it collects garbage, or the snapshot knows more than it does. */
CRDT_MUST_CHECK crdt_err crdt_doc_encode_snapshot_state(crdt_doc *doc, const crdt_snapshot *at,
                                                        crdt_encoding encoding, crdt_buf *out);

/* Whether all that the update says lies before the snapshot (Yjs: snapshotContainsUpdate). */
CRDT_MUST_CHECK crdt_err crdt_snapshot_contains(const crdt_snapshot *snapshot,
                                                crdt_encoding encoding, crdt_bytes update,
                                                bool *out);

/* ---- relative positions ---- */

/* Appends the encoded position of `index` in the type: it stays with the unit there, whatever is
 * edited around it. `assoc` below 0: with the unit before; else with the one behind. (Yjs:
 * createRelativePositionFromTypeIndex) CRDT_INVALID: index past the end. */
CRDT_MUST_CHECK crdt_err crdt_relpos_encode(crdt_doc *doc, crdt_type type, uint64_t index,
                                            int64_t assoc, crdt_buf *out);

typedef struct crdt_place {
    crdt_type type;
    uint64_t index;
    int64_t assoc;
} crdt_place;

/* Where an encoded position lies now. *found is false if what it hangs on is unknown or collected.
 * (Yjs: createAbsolutePositionFromRelativePosition) CRDT_MALFORMED: bad bytes. */
CRDT_MUST_CHECK crdt_err crdt_relpos_resolve(crdt_doc *doc, crdt_bytes position, bool *found,
                                             crdt_place *out);

/* ---- updates without a document ---- */

/* Decodes everything and keeps nothing: CRDT_OK or CRDT_MALFORMED. The same judgement as
 * crdt_doc_apply. */
CRDT_MUST_CHECK crdt_err crdt_update_validate(crdt_encoding encoding, crdt_bytes update);

/* True if a valid update says nothing: no structs but Skips, no deletes. False of a bad one, and
 * where memory does not suffice to look. */
bool crdt_update_is_empty(crdt_encoding encoding, crdt_bytes update);

/* Appends to `out` one update that holds what all `count` updates hold (Yjs: mergeUpdates). One
 * update comes out as its very bytes; none: the empty update. CRDT_MALFORMED: one of them is. Cost:
 * linear in their bytes, times the logarithm of `count`. */
CRDT_MUST_CHECK crdt_err crdt_update_merge(crdt_encoding encoding, const crdt_bytes *updates,
                                           size_t count, crdt_buf *out);

/* Appends to `out` what of `update` the state vector `sv` lacks, deletions whole (Yjs: diffUpdate).
 */
CRDT_MUST_CHECK crdt_err crdt_update_diff(crdt_encoding encoding, crdt_bytes update, crdt_bytes sv,
                                          crdt_buf *out);

/* Appends the state vector that the update alone brings about (Yjs: encodeStateVectorFromUpdate).
 */
CRDT_MUST_CHECK crdt_err crdt_update_state_vector(crdt_encoding encoding, crdt_bytes update,
                                                  crdt_buf *out);

/* Appends the update in the format `to`, written anew (Yjs: convertUpdateFormatV1ToV2 and back).
 * What one format cannot say is said as Yjs would: v1 has embeds and formats as JSON. A BigInt, at
 * which Yjs throws, becomes its digits there, and an undefined by itself null. */
CRDT_MUST_CHECK crdt_err crdt_update_convert(crdt_encoding from, crdt_bytes update,
                                             crdt_encoding to, crdt_buf *out);

/* Of one client in an update: the first clock, and the one behind the last. */
typedef struct crdt_update_client {
    uint64_t client;
    uint64_t from;
    uint64_t to;
    bool structs; /* there is more between them than Skips */
} crdt_update_client;

/* Tells the clients of an update, in its order, Skips counted (Yjs: parseUpdateMeta). If it has
 * several sections of one client, they are told in descending order, and of each the last section
 * counts. *out is owned: an array of *count, to be freed with crdt_update_clients_free. */
CRDT_MUST_CHECK crdt_err crdt_update_clients(crdt_encoding encoding, crdt_bytes update,
                                             crdt_update_client **out, size_t *count);
void crdt_update_clients_free(crdt_update_client *clients, size_t count);

/* ---- many updates as one piece ---- */

/* Appends to `out` one piece that holds the very bytes of `count` updates (v1; others are taken,
 * too, but not made smaller), in columns that a general compressor makes small: a log of a thousand
 * keystrokes comes to a few hundred bytes besides their text. Cost: linear. */
CRDT_MUST_CHECK crdt_err crdt_updates_pack(const crdt_bytes *updates, size_t count, crdt_buf *out);

/* Appends the bytes of the updates in the piece, one behind the other, to `out`, and their lengths
 * to lens[0 ... count). CRDT_MALFORMED: it does not hold just so many; *lens is then undefined. */
CRDT_MUST_CHECK crdt_err crdt_updates_unpack(crdt_bytes piece, size_t count, crdt_buf *out,
                                             size_t *lens);

/* ---- state vectors ---- */

/* CRDT_OK, or CRDT_MALFORMED (bytes after the end included). */
CRDT_MUST_CHECK crdt_err crdt_state_vector_validate(crdt_bytes sv);

/* Appends to `out` a state vector that was true before `updates` were applied, given `sv` after
 * them: per client the smaller of `sv` and the first clock that the updates speak of. Whoever has
 * seen everything before the updates lacks nothing that a difference to the result does not hold.
 * CRDT_MALFORMED: one of the inputs is. */
CRDT_MUST_CHECK crdt_err crdt_state_vector_rewind(crdt_encoding encoding, crdt_bytes sv,
                                                  const crdt_bytes *updates, size_t count,
                                                  crdt_buf *out);

/* ---- the sync protocol ---- (y-protocols/sync.js) */

typedef enum crdt_sync_kind {
    CRDT_SYNC_STEP1 = 0, /* payload: the sender's state vector */
    CRDT_SYNC_STEP2 = 1, /* payload: an update (v1) with what the other side lacked */
    CRDT_SYNC_UPDATE = 2 /* payload: an update (v1) */
} crdt_sync_kind;

/* Takes a message apart; *payload borrows from it. Bytes behind it are ignored, as in Yjs.
 * CRDT_MALFORMED: another kind, or it is cut short. The payload is not looked at. */
CRDT_MUST_CHECK crdt_err crdt_sync_parse(crdt_bytes message, crdt_sync_kind *kind,
                                         crdt_bytes *payload);
/* Appends a message. */
CRDT_MUST_CHECK crdt_err crdt_sync_write(crdt_sync_kind kind, crdt_bytes payload, crdt_buf *out);

/* Step 1 of the document: asks the peer for what it lacks. */
CRDT_MUST_CHECK crdt_err crdt_sync_write_step1(crdt_doc *doc, crdt_buf *out);

/* Takes one message in: applies what it brings (`applied` and `event` as crdt_doc_apply_event fills
 * them; both may be NULL), and appends to `reply` the answer to a step 1. CRDT_MALFORMED: the
 * message or its payload is; and what crdt_doc_apply_event and crdt_doc_encode_state return. */
CRDT_MUST_CHECK crdt_err crdt_sync_receive(crdt_doc *doc, crdt_bytes message, crdt_buf *reply,
                                           crdt_applied *applied, crdt_buf *event);

/* The frames of y-websocket: one message each. */
typedef enum crdt_frame_kind {
    CRDT_FRAME_SYNC = 0,           /* body: a sync message */
    CRDT_FRAME_AWARENESS = 1,      /* body: an awareness update */
    CRDT_FRAME_AUTH = 2,           /* body: what is left of the frame */
    CRDT_FRAME_QUERY_AWARENESS = 3 /* no body */
} crdt_frame_kind;

/* Takes a frame apart; *body borrows from it. *used (may be NULL): bytes of the frame that the
 * message took; of an auth message, all. CRDT_MALFORMED: another kind, or it is cut short. */
CRDT_MUST_CHECK crdt_err crdt_frame_parse(crdt_bytes frame, crdt_frame_kind *kind, crdt_bytes *body,
                                          size_t *used);
/* Appends a frame. */
CRDT_MUST_CHECK crdt_err crdt_frame_write(crdt_frame_kind kind, crdt_bytes body, crdt_buf *out);

/* ---- awareness ---- */

/* Who is present and what they say of themselves: client -> (clock, JSON). Never stored; times are
 * the caller's milliseconds, from any clock that only goes forward. Cost of a call: that of what
 * comes in and goes out, times the logarithm of the clients; one that adds or forgets clients, or
 * looks for old ones, passes over all. (y-protocols/awareness.js) */
typedef struct crdt_awareness crdt_awareness;

/* Entries one awareness may hold, the remembered clocks of clients that left included. */
#define CRDT_AWARENESS_CLIENTS_MAX 65536

/* Returns owned (crdt_awareness_free), or NULL when out of memory. `mem` is kept; NULL: malloc. */
crdt_awareness *crdt_awareness_new(const crdt_mem *mem);
void crdt_awareness_free(crdt_awareness *awareness); /* accepts NULL */

/* Applies an awareness update, whole or not at all (applyAwarenessUpdate). Appends to `changed` an
 * awareness update with the entries that were accepted, or nothing if none was: what others must
 * hear. `changed` may be NULL. The own state stays when others take it away: its clock is raised
 * above theirs, and `changed` says so. CRDT_MALFORMED, CRDT_NO_MEMORY, CRDT_LIMIT: nothing changed.
 */
CRDT_MUST_CHECK crdt_err crdt_awareness_apply(crdt_awareness *awareness, crdt_bytes update,
                                              uint64_t now_ms, crdt_buf *changed);

/* Appends an awareness update with every present state. Nothing is appended if nobody is present.
 */
CRDT_MUST_CHECK crdt_err crdt_awareness_encode(const crdt_awareness *awareness, crdt_buf *out);

/* Appends an awareness update with these clients, in this order, null for the state of one that
 * left (encodeAwarenessUpdate). Clients of which nothing is known are left out; nothing is appended
 * if that leaves none. */
CRDT_MUST_CHECK crdt_err crdt_awareness_encode_clients(const crdt_awareness *awareness,
                                                       const uint64_t *clients, size_t count,
                                                       crdt_buf *out);

/* Takes the state of `client` away, at the clock it had (the own one: at the next clock), and
 * appends the update that says so; nothing if it was not present. `changed` may be NULL. */
CRDT_MUST_CHECK crdt_err crdt_awareness_remove(crdt_awareness *awareness, uint64_t client,
                                               uint64_t now_ms, crdt_buf *changed);

/* Takes away every state but the own not renewed since `older_than_ms` (y-protocols: 30 seconds
 * before now), and appends the update that says so, or nothing. `changed` may be NULL. */
CRDT_MUST_CHECK crdt_err crdt_awareness_expire(crdt_awareness *awareness, uint64_t older_than_ms,
                                               uint64_t now_ms, crdt_buf *changed);

/* When the state of `client` was last renewed; false if it is not present. */
bool crdt_awareness_find(const crdt_awareness *awareness, uint64_t client, uint64_t *renewed_ms);

/* Present states, and the earliest renewal among them but for the own (UINT64_MAX if none): when
 * the next expiry can be due. */
size_t crdt_awareness_count(const crdt_awareness *awareness);
uint64_t crdt_awareness_oldest_ms(const crdt_awareness *awareness);

/* What is known of one client. */
typedef struct crdt_presence_entry {
    uint64_t client;
    uint64_t clock;
    uint64_t renewed_ms; /* or when it left */
    crdt_bytes state; /* JSON, lent until the next call that changes something; {NULL, 0}: it left
                       */
} crdt_presence_entry;

/* Walks everybody known by client, those that left and are remembered included: *cursor = 0 first;
 * false at the end. */
bool crdt_awareness_next(const crdt_awareness *awareness, size_t *cursor, crdt_presence_entry *out);

/* What a call did to one client. The reference's event `update` tells of all four; its event
 * `change` leaves out what was only renewed. */
typedef enum crdt_presence {
    CRDT_PRESENCE_ADDED,
    CRDT_PRESENCE_CHANGED, /* the state is another one, compared deeply */
    CRDT_PRESENCE_RENEWED, /* an equal one, at a higher clock */
    CRDT_PRESENCE_REMOVED  /* also: others took the own state away, which stays */
} crdt_presence;

typedef struct crdt_presence_change {
    uint64_t client;
    crdt_presence what;
} crdt_presence_change;

/* Walks what the last call did that took an awareness to change it, in order: *cursor = 0 first;
 * false at the end. */
bool crdt_awareness_next_change(const crdt_awareness *awareness, size_t *cursor,
                                crdt_presence_change *out);

/* The own state. A server has none, and calls nothing of this. */

/* How long a state lasts before its owner renews it. */
#define CRDT_AWARENESS_RENEWAL_MS 15000

/* Says which client is this side's own: the number of its document (Yjs: awareness.clientID). It
 * has no state yet; Yjs begins with `{}`. The state of another number that was the own before is
 * from now on anybody's: to be taken away first. CRDT_INVALID: above CRDT_CLOCK_MAX. */
CRDT_MUST_CHECK crdt_err crdt_awareness_set_client(crdt_awareness *awareness, uint64_t client);

/* Sets the own state to one JSON value, at the next clock; `null` takes it away (setLocalState).
 * Appends the update that says so; `changed` may be NULL. On any error nothing changed.
 * CRDT_MALFORMED: not JSON. CRDT_INVALID: there is no own client. CRDT_LIMIT: too many clients or
 * bytes, or the clock is at its end: somebody raised it, and another number is needed. */
CRDT_MUST_CHECK crdt_err crdt_awareness_set_local(crdt_awareness *awareness, crdt_bytes json,
                                                  uint64_t now_ms, crdt_buf *changed);

/* Sets one member of the own state; does nothing while there is none (setLocalStateField). Errors
 * as above. CRDT_INVALID: the state is no object, too. */
CRDT_MUST_CHECK crdt_err crdt_awareness_set_local_field(crdt_awareness *awareness, crdt_bytes key,
                                                        crdt_bytes json, uint64_t now_ms,
                                                        crdt_buf *changed);

/* Sets the own state again if it was set CRDT_AWARENESS_RENEWAL_MS ago or earlier, and appends the
 * update that says so. To be called every few seconds. */
CRDT_MUST_CHECK crdt_err crdt_awareness_renew(crdt_awareness *awareness, uint64_t now_ms,
                                              crdt_buf *changed);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
