/* Many updates as one piece that compresses well, and their very bytes back.
 *
 * One walk over the grammar of an update (format v1) serves both ways. Each of its tokens belongs
 * to a column: packing reads the token from the update and writes to the column what is not
 * expected; unpacking reads the column and writes the token. So what follows a pattern, as typing
 * does, leaves a row of zeros in every column but the text's.
 *
 *     piece:   varuint length of each column, then the columns
 *     number:  the difference to the expected value, zigzag, as a varuint
 *     client:  0 the one before; 1 a new one, its number behind in CLIENT_IDS; 2 + n slot n
 *     name:    0 the one before; 1 literal, length behind in LENGTHS, bytes in NAMES; 2 + n slot n
 *
 * An update that the grammar does not give back to the byte (numbers written longer than need be,
 * bytes behind the end, anything malformed) goes into RAW whole.
 */
#include "base/any.h"
#include "base/utf16.h"
#include "wire/update.h"

typedef enum column {
    FORMS, /* one byte per update: form */
    COUNTS,
    CLIENTS,
    CLIENT_IDS,
    CLOCKS,
    INFOS,
    ORIGINS,
    RIGHTS,
    PARENTS,
    NAME_SLOTS,
    NAMES,
    LENGTHS,
    TEXT,
    VALUES,
    DELETE_CLOCKS,
    DELETE_LENGTHS,
    RAW,
    COLUMNS
} column;

typedef enum form { FORM_RAW = 0, FORM_V1 = 1 } form;

typedef enum walk_mode {
    CHECKING, /* reads an update, writes nothing, remembers nothing */
    PACKING,
    UNPACKING
} walk_mode;

/* Twice the difference of two such numbers is still a varuint. Whoever counts farther is kept raw.
 */
#define NUMBER_MAX (UINT64_C(1) << 50)

/* Slots for clients and names: what was there last with the same hash. */
#define SLOTS             256u
#define SLOT_NAME_LEN_MAX 64u

/* What is expected of a client next. */
typedef struct client_slot {
    uint64_t id;
    uint64_t clock;   /* behind its last struct */
    uint64_t origin;  /* clock of the last origin that named it, */
    uint64_t right;   /* of the last right origin, */
    uint64_t deleted; /* and of the last deletion of it */
    bool used;
} client_slot;

typedef struct name_slot {
    uint8_t bytes[SLOT_NAME_LEN_MAX];
    uint8_t len;
    bool used;
} name_slot;

typedef struct walk {
    walk_mode mode;
    crdt__reader in;  /* CHECKING, PACKING: the update */
    crdt__writer out; /* UNPACKING: the updates, one behind the other */
    crdt__reader from[COLUMNS];
    crdt__writer to[COLUMNS];
    crdt_buf bufs[COLUMNS];
    bool ok; /* the tokens fit so far */
    uint32_t last_client;
    uint32_t last_name;
    client_slot clients[SLOTS];
    name_slot names[SLOTS];
    client_slot nobody; /* what a walk that checks, or went wrong, writes to */
} walk;

/* ---- tokens ---- */

static void misfit(walk *w)
{
    w->ok = false;
}

/* A varuint of the update, which must be as short as can be. */
static uint64_t take_varuint(walk *w)
{
    const uint8_t *start = w->in.pos;
    uint64_t value = crdt__read_varuint(&w->in);
    if (!w->in.ok || crdt__varuint_len(value) != (size_t)(w->in.pos - start))
        misfit(w);
    return value;
}

static uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ (uint64_t) - (int64_t)(difference >> 63);
}

static uint64_t unzigzag(uint64_t coded)
{
    return (coded >> 1) ^ (uint64_t) - (int64_t)(coded & 1);
}

static uint64_t take_column(walk *w, column at)
{
    uint64_t value = crdt__read_varuint(&w->from[at]);
    if (!w->from[at].ok)
        misfit(w);
    return value;
}

static uint64_t number(walk *w, column at, uint64_t expected)
{
    if (w->mode != UNPACKING) {
        uint64_t told = take_varuint(w);
        if (told > NUMBER_MAX)
            misfit(w);
        if (w->mode == PACKING)
            crdt__write_varuint(&w->to[at], zigzag(told - expected));
        return told;
    }
    uint64_t value = expected + unzigzag(take_column(w, at));
    if (value > NUMBER_MAX)
        misfit(w);
    crdt__write_varuint(&w->out, w->ok ? value : 0);
    return value;
}

static uint8_t byte(walk *w, column at)
{
    uint8_t value = crdt__read_u8(w->mode == UNPACKING ? &w->from[at] : &w->in);
    if (!(w->mode == UNPACKING ? w->from[at].ok : w->in.ok))
        misfit(w);
    if (w->mode == PACKING)
        crdt__write_u8(&w->to[at], value);
    else if (w->mode == UNPACKING)
        crdt__write_u8(&w->out, value);
    return value;
}

/* `len` bytes as they are. */
static crdt_bytes bytes(walk *w, column at, uint64_t len)
{
    crdt__reader *r = w->mode == UNPACKING ? &w->from[at] : &w->in;
    crdt_bytes value = crdt__read_bytes(r, len);
    if (!r->ok)
        misfit(w);
    if (w->mode == PACKING)
        crdt__write_bytes(&w->to[at], value.data, value.len);
    else if (w->mode == UNPACKING)
        crdt__write_bytes(&w->out, value.data, value.len);
    return value;
}

/* A length, and as many bytes. */
static void text(walk *w, column at)
{
    bytes(w, at, number(w, LENGTHS, 1));
}

/* Values whose length stands nowhere in the update: found by stepping over them. */
static void values(walk *w, uint64_t count)
{
    uint64_t len = 0;
    if (w->mode == UNPACKING) {
        len = take_column(w, LENGTHS);
    } else {
        crdt__reader r = w->in;
        for (uint64_t i = 0; i < count && r.ok; i++)
            crdt__any_skip(&r, NULL);
        if (!r.ok)
            misfit(w);
        len = (uint64_t)(r.pos - w->in.pos);
        if (w->mode == PACKING)
            crdt__write_varuint(&w->to[LENGTHS], len);
    }
    if (w->ok)
        bytes(w, VALUES, len);
}

/* ---- clients ---- */

static uint32_t client_hash(uint64_t id)
{
    return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static client_slot *use_client(walk *w, uint32_t at, uint64_t id)
{
    client_slot *slot = &w->clients[at];
    if (!slot->used || slot->id != id)
        *slot = (client_slot){.id = id, .used = true};
    w->last_client = at;
    return slot;
}

static client_slot *unpack_client(walk *w)
{
    uint64_t token = take_column(w, CLIENTS);
    uint64_t id = 0;
    uint32_t at = w->last_client;
    if (token == 1) {
        id = take_column(w, CLIENT_IDS);
        at = client_hash(id);
    } else if (token >= 2 + SLOTS) {
        misfit(w);
    } else {
        at = token == 0 ? at : (uint32_t)token - 2;
        id = w->clients[at].id;
        if (!w->clients[at].used)
            misfit(w);
    }
    if (!w->ok)
        return &w->nobody;
    crdt__write_varuint(&w->out, id);
    return use_client(w, at, id);
}

/* The client that comes next in the update, with what is expected of it. */
static client_slot *client(walk *w)
{
    if (w->mode == UNPACKING)
        return unpack_client(w);
    uint64_t id = take_varuint(w);
    if (w->mode == CHECKING)
        return &w->nobody;
    uint32_t at = client_hash(id);
    bool known = w->clients[at].used && w->clients[at].id == id;
    crdt__write_varuint(&w->to[CLIENTS], !known ? 1 : at == w->last_client ? 0 : at + 2u);
    if (!known)
        crdt__write_varuint(&w->to[CLIENT_IDS], id);
    return use_client(w, at, id);
}

/* ---- names ---- */

static uint32_t name_hash(crdt_bytes name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.data[i]) * UINT32_C(16777619);
    return (hash ^ (hash >> 16)) & (SLOTS - 1);
}

static void use_name(walk *w, crdt_bytes name)
{
    if (name.len > SLOT_NAME_LEN_MAX)
        return;
    w->last_name = name_hash(name);
    name_slot *slot = &w->names[w->last_name];
    if (name.len > 0)
        memcpy(slot->bytes, name.data, name.len);
    slot->len = (uint8_t)name.len;
    slot->used = true;
}

static void unpack_name(walk *w)
{
    uint64_t token = take_column(w, NAME_SLOTS);
    crdt_bytes name = {NULL, 0};
    if (token == 1) {
        name = crdt__read_bytes(&w->from[NAMES], take_column(w, LENGTHS));
        if (!w->from[NAMES].ok)
            misfit(w);
    } else if (token >= 2 + SLOTS) {
        misfit(w);
    } else {
        const name_slot *slot = &w->names[token == 0 ? w->last_name : (uint32_t)token - 2];
        name = (crdt_bytes){slot->bytes, slot->len};
        if (!slot->used)
            misfit(w);
    }
    if (!w->ok)
        return;
    crdt__write_varbytes(&w->out, name);
    uint8_t copy[SLOT_NAME_LEN_MAX];
    if (name.len > 0 && name.len <= sizeof copy) { /* it may lie in the slot itself */
        memcpy(copy, name.data, name.len);
        name.data = copy;
    }
    use_name(w, name);
}

/* A name of a root, a key, a node or a format. */
static void name(walk *w)
{
    if (w->mode == UNPACKING) {
        unpack_name(w);
        return;
    }
    crdt_bytes told = crdt__read_bytes(&w->in, take_varuint(w));
    if (!w->in.ok)
        misfit(w);
    if (w->mode == CHECKING || !w->ok)
        return;
    uint32_t at = name_hash(told);
    const name_slot *slot = &w->names[at];
    bool known = slot->used && crdt__bytes_equal(told, (crdt_bytes){slot->bytes, slot->len});
    crdt__write_varuint(&w->to[NAME_SLOTS], !known ? 1 : at == w->last_name ? 0 : at + 2u);
    if (!known) {
        crdt__write_varuint(&w->to[LENGTHS], told.len);
        crdt__write_bytes(&w->to[NAMES], told.data, told.len);
    }
    use_name(w, told);
}

/* ---- the grammar ---- (yjs/src/utils/UpdateDecoder.js, structs/Item.js, utils/DeleteSet.js) */

static void walk_parent(walk *w, bool has_key)
{
    uint64_t is_root = number(w, PARENTS, 1);
    if (is_root == 1) {
        name(w);
    } else {
        client_slot *holder = client(w);
        holder->origin = number(w, ORIGINS, holder->origin);
    }
    if (has_key)
        name(w);
}

/* Where the item was put. `clock` is its own, of client `own`. */
static void walk_references(walk *w, uint8_t info, const client_slot *own, uint64_t clock)
{
    if (info & CRDT__INFO_ORIGIN) {
        client_slot *left = client(w);
        left->origin = number(w, ORIGINS, left == own ? clock - 1 : left->origin);
    }
    if (info & CRDT__INFO_RIGHT) {
        client_slot *right = client(w);
        right->right = number(w, RIGHTS, right->right);
    }
    if (!(info & (CRDT__INFO_ORIGIN | CRDT__INFO_RIGHT)))
        walk_parent(w, (info & CRDT__INFO_SUB) != 0);
}

/* Units of a text that is about to be walked over, told to whoever expects the next clock. */
static uint64_t walk_string(walk *w)
{
    return crdt__utf16_len(bytes(w, TEXT, number(w, LENGTHS, 1)));
}

static void walk_type(walk *w)
{
    uint64_t type = number(w, COUNTS, 0);
    if (type == CRDT__TYPE_XML_ELEMENT || type == CRDT__TYPE_XML_HOOK)
        name(w);
}

static uint64_t walk_elements(walk *w, uint8_t kind)
{
    uint64_t count = number(w, COUNTS, 1);
    if (kind == CRDT__ANY)
        values(w, count);
    for (uint64_t i = 0; kind == CRDT__JSON && i < count && w->ok; i++)
        text(w, VALUES);
    return count;
}

/* Returns the units of the content. */
static uint64_t walk_content(walk *w, uint8_t kind)
{
    switch (kind) {
    case CRDT__GC:
    case CRDT__SKIP:
    case CRDT__DELETED:
        return number(w, COUNTS, 1);
    case CRDT__STRING:
        return walk_string(w);
    case CRDT__ANY:
    case CRDT__JSON:
        return walk_elements(w, kind);
    case CRDT__BINARY:
    case CRDT__EMBED:
        text(w, VALUES);
        return 1;
    case CRDT__FORMAT:
        name(w);
        text(w, VALUES);
        return 1;
    case CRDT__TYPE:
        walk_type(w);
        return 1;
    case CRDT__DOC:
        text(w, VALUES);
        values(w, 1);
        return 1;
    default:
        misfit(w);
        return 0;
    }
}

static void walk_section(walk *w)
{
    uint64_t structs = number(w, COUNTS, 1);
    client_slot *own = client(w);
    uint64_t id = own->id;
    uint64_t clock = number(w, CLOCKS, own->clock);
    for (uint64_t i = 0; i < structs && w->ok; i++) {
        uint8_t info = byte(w, INFOS);
        uint8_t kind = info & CRDT__INFO_KIND_MASK;
        if (kind != CRDT__GC && kind != CRDT__SKIP)
            walk_references(w, info, own, clock);
        clock += walk_content(w, kind);
        if (clock > NUMBER_MAX)
            misfit(w);
        if (own->id == id) /* its slot may have gone to another meanwhile */
            own->clock = clock;
    }
}

static void walk_deletes(walk *w)
{
    uint64_t clients = number(w, COUNTS, 0);
    for (uint64_t i = 0; i < clients && w->ok; i++) {
        client_slot *of = client(w);
        uint64_t ranges = number(w, COUNTS, 1);
        for (uint64_t j = 0; j < ranges && w->ok; j++) {
            of->deleted = number(w, DELETE_CLOCKS, of->deleted);
            number(w, DELETE_LENGTHS, 1);
        }
    }
}

static void walk_update(walk *w)
{
    w->ok = true;
    uint64_t sections = number(w, COUNTS, 1);
    for (uint64_t i = 0; i < sections && w->ok; i++)
        walk_section(w);
    if (w->ok)
        walk_deletes(w);
}

/* ---- packing ---- */

static walk *walk_new(const crdt_mem *mem)
{
    walk *w = crdt__resize(mem, NULL, 0, sizeof *w);
    if (!w)
        return NULL;
    memset(w, 0, sizeof *w);
    for (int i = 0; i < COLUMNS; i++) {
        w->bufs[i].mem = mem;
        w->to[i] = crdt__writer_on(&w->bufs[i]);
    }
    return w;
}

static void walk_free(walk *w, const crdt_mem *mem)
{
    for (int i = 0; i < COLUMNS; i++)
        crdt_buf_free(&w->bufs[i]);
    crdt__release(mem, w, sizeof *w);
}

static bool gives_itself_back(walk *w, crdt_bytes update)
{
    w->mode = CHECKING;
    w->in = crdt__reader_of(update);
    walk_update(w);
    return w->ok && crdt__reader_at_end(&w->in);
}

static void pack_update(walk *w, crdt_bytes update)
{
    form how = gives_itself_back(w, update) ? FORM_V1 : FORM_RAW;
    crdt__write_u8(&w->to[FORMS], (uint8_t)how);
    if (how == FORM_RAW) {
        crdt__write_varbytes(&w->to[RAW], update);
        return;
    }
    w->mode = PACKING;
    w->in = crdt__reader_of(update);
    walk_update(w);
}

static crdt_err put_together(walk *w, crdt_buf *out)
{
    crdt__writer piece = crdt__writer_on(out);
    bool ok = true;
    for (int i = 0; i < COLUMNS; i++) {
        ok = crdt__writer_finish(&w->to[i]) == CRDT_OK && ok;
        crdt__write_varuint(&piece, w->bufs[i].len);
    }
    for (int i = 0; i < COLUMNS && ok; i++)
        crdt__write_bytes(&piece, w->bufs[i].data, w->bufs[i].len);
    piece.ok = piece.ok && ok;
    return crdt__writer_finish(&piece);
}

crdt_err crdt_updates_pack(const crdt_bytes *updates, size_t count, crdt_buf *out)
{
    walk *w = walk_new(out->mem);
    if (!w)
        return CRDT_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        pack_update(w, updates[i]);
    crdt_err err = put_together(w, out);
    walk_free(w, out->mem);
    return err;
}

/* ---- unpacking ---- */

static bool open_columns(walk *w, crdt_bytes piece)
{
    crdt__reader r = crdt__reader_of(piece);
    uint64_t lens[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        lens[i] = crdt__read_varuint(&r);
    for (int i = 0; i < COLUMNS; i++)
        w->from[i] = crdt__reader_of(crdt__read_bytes(&r, lens[i]));
    return crdt__reader_at_end(&r);
}

/* Most updates are one of two: a letter that the client of the update before put behind or before
 * its own structs, where its clock had come to; or one range of these deleted. All that is not
 * expected of them is a place, and the letter: the other tokens are known without being taken one
 * by one. */

/* Bytes that such an update takes, with room for a word behind. */
#define COMMON_LEN_MAX 64u

static bool begins_with(const walk *w, column at, const uint8_t *tokens, size_t len)
{
    const crdt__reader *r = &w->from[at];
    return crdt__reader_left(r) >= len && memcmp(r->pos, tokens, len) == 0;
}

/* The number at the front of a column, and how many bytes it takes: mostly one. False: near the
 * column's end, or where it is no number as one expects it. */
static bool look_ahead(const walk *w, column at, uint64_t expected, uint64_t *value, size_t *len)
{
    const crdt__reader *r = &w->from[at];
    if (crdt__reader_left(r) < sizeof(uint64_t))
        return false;
    uint64_t token = *r->pos;
    *len = 1;
    if (token >= 0x80)
        *len = crdt__varuint_of_word(crdt__word_at(r->pos), &token);
    *value = expected + unzigzag(token);
    return *len > 0 && *value <= NUMBER_MAX;
}

static void step(walk *w, column at, size_t len)
{
    w->from[at].pos += len;
}

static bool unpack_typed(walk *w, client_slot *own)
{
    static const uint8_t expected[] = {0, 0, 0};
    uint64_t origin = own->origin, right = own->right;
    size_t origin_len = 0, right_len = 0;
    if (!begins_with(w, COUNTS, expected, 3) || !begins_with(w, CLIENTS, expected, 3) ||
        !begins_with(w, CLOCKS, expected, 1) || !begins_with(w, LENGTHS, expected, 1) ||
        crdt__reader_left(&w->from[INFOS]) == 0 || crdt__reader_left(&w->from[TEXT]) == 0)
        return false;
    uint8_t info = *w->from[INFOS].pos;
    uint8_t letter = *w->from[TEXT].pos;
    bool has_right = (info & CRDT__INFO_RIGHT) != 0;
    if ((info & ~CRDT__INFO_RIGHT) != (CRDT__STRING | CRDT__INFO_ORIGIN) || letter >= 0x80 ||
        own->clock >= NUMBER_MAX || !look_ahead(w, ORIGINS, own->clock - 1, &origin, &origin_len) ||
        (has_right && !look_ahead(w, RIGHTS, own->right, &right, &right_len)) ||
        !crdt__writer_room(&w->out, COMMON_LEN_MAX))
        return false;
    uint8_t *p = w->out.pos;
    *p++ = 1;
    *p++ = 1;
    p = crdt__put_varuint(p, own->id);
    p = crdt__put_varuint(p, own->clock);
    *p++ = info;
    p = crdt__put_varuint(crdt__put_varuint(p, own->id), origin);
    if (has_right)
        p = crdt__put_varuint(crdt__put_varuint(p, own->id), right);
    *p++ = 1;
    *p++ = letter;
    *p++ = 0;
    w->out.pos = p;
    step(w, COUNTS, 3);
    step(w, CLIENTS, has_right ? 3 : 2);
    step(w, CLOCKS, 1);
    step(w, INFOS, 1);
    step(w, ORIGINS, origin_len);
    step(w, RIGHTS, right_len);
    step(w, LENGTHS, 1);
    step(w, TEXT, 1);
    own->origin = origin;
    own->right = right;
    own->clock++;
    return true;
}

static bool unpack_erased(walk *w, client_slot *own)
{
    static const uint8_t counts[] = {1, 2, 0}; /* no section, one client, one range */
    static const uint8_t expected[] = {0};
    uint64_t clock, units;
    size_t clock_len, units_len;
    if (!begins_with(w, COUNTS, counts, 3) || !begins_with(w, CLIENTS, expected, 1) ||
        !look_ahead(w, DELETE_CLOCKS, own->deleted, &clock, &clock_len) ||
        !look_ahead(w, DELETE_LENGTHS, 1, &units, &units_len) ||
        !crdt__writer_room(&w->out, COMMON_LEN_MAX))
        return false;
    uint8_t *p = w->out.pos;
    *p++ = 0;
    *p++ = 1;
    p = crdt__put_varuint(p, own->id);
    *p++ = 1;
    p = crdt__put_varuint(crdt__put_varuint(p, clock), units);
    w->out.pos = p;
    step(w, COUNTS, 3);
    step(w, CLIENTS, 1);
    step(w, DELETE_CLOCKS, clock_len);
    step(w, DELETE_LENGTHS, units_len);
    own->deleted = clock;
    return true;
}

static bool unpack_common(walk *w)
{
    client_slot *own = &w->clients[w->last_client];
    return own->used && (unpack_typed(w, own) || unpack_erased(w, own));
}

static void unpack_update(walk *w)
{
    uint8_t how = crdt__read_u8(&w->from[FORMS]);
    w->ok = w->from[FORMS].ok && how <= FORM_V1;
    if (!w->ok)
        return;
    if (how == FORM_V1) {
        if (!unpack_common(w))
            walk_update(w);
        return;
    }
    crdt_bytes raw = crdt__read_varbytes(&w->from[RAW]);
    crdt__write_bytes(&w->out, raw.data, raw.len);
    w->ok = w->from[RAW].ok;
}

crdt_err crdt_updates_unpack(crdt_bytes piece, size_t count, crdt_buf *out, size_t *lens)
{
    walk *w = walk_new(out->mem);
    if (!w)
        return CRDT_NO_MEMORY;
    w->mode = UNPACKING;
    w->out = crdt__writer_on(out);
    w->ok = open_columns(w, piece);
    for (size_t i = 0; i < count && w->ok; i++) {
        size_t before = crdt__writer_len(&w->out);
        unpack_update(w);
        lens[i] = crdt__writer_len(&w->out) - before;
    }
    for (int i = 0; i < COLUMNS && w->ok; i++)
        w->ok = crdt__reader_at_end(&w->from[i]);
    bool ok = w->ok;
    crdt__writer written = w->out;
    walk_free(w, out->mem);
    if (!ok) {
        out->len = written.start_len;
        return written.ok ? CRDT_MALFORMED : CRDT_NO_MEMORY;
    }
    return crdt__writer_finish(&written);
}
