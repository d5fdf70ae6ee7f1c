#include "core/doc.h"

#include <stdlib.h>

#include "core/conflict.h"
#include "core/order.h"
#include "core/values.h"

#define OBJECT_UNITS_FIRST 128u /* 2 KiB */
#define TEXT_BYTES_FIRST   256u

const char *crdt_strerror(crdt_err err)
{
    switch (err) {
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return text;
        CRDT_ERR_TABLE(X)
#undef X
    }
    return "unknown error";
}

crdt_doc *crdt_doc_new(const crdt_doc_options *options)
{
    const crdt_doc_options defaults = {0};
    if (!options)
        options = &defaults;
    crdt_doc *doc = crdt__resize(options->mem, NULL, 0, sizeof(*doc));
    if (!doc)
        return NULL;
    memset(doc, 0, sizeof(*doc));
    doc->options = *options;
    doc->budget =
        (crdt__budget){.mem = options->mem, .held = sizeof(*doc), .max = options->memory_max};
    crdt__arena_init(&doc->objects, &doc->budget, CRDT__OBJECT_SHIFT, OBJECT_UNITS_FIRST);
    crdt__arena_init(&doc->text, &doc->budget, CRDT__TEXT_SHIFT, TEXT_BYTES_FIRST);
    crdt__u64map_init(&doc->client_index, &doc->budget, options->hash_seed);
    crdt__pending_init(doc);
    crdt__changed_init(doc);
    if (!crdt__budget_reserve(&doc->budget, &doc->clients, &doc->client_cap, 1,
                              sizeof(*doc->clients)) ||
        !crdt__budget_reserve(&doc->budget, &doc->names, &doc->name_cap, 1, sizeof(*doc->names))) {
        crdt_doc_free(doc);
        return NULL;
    }
    doc->clients[0] = (crdt__client){0};
    doc->names[0] = (crdt__name){0};
    doc->client_count = doc->name_count = 1;
    return doc;
}

void crdt_doc_free(crdt_doc *doc)
{
    if (!doc)
        return;
    const crdt_mem *mem = doc->budget.mem;
    crdt__txn_deinit(doc);
    crdt__pending_deinit(doc);
    crdt__changed_deinit(doc);
    crdt__u64map_deinit(&doc->client_index);
    crdt__budget_release(&doc->budget, doc->clients, doc->client_cap * sizeof(*doc->clients));
    crdt__budget_release(&doc->budget, doc->names, doc->name_cap * sizeof(*doc->names));
    crdt__budget_release(&doc->budget, doc->name_slots,
                         doc->name_slot_cap * sizeof(*doc->name_slots));
    crdt__budget_release(&doc->budget, doc->roots, doc->root_cap * sizeof(*doc->roots));
    crdt__budget_release(&doc->budget, doc->subdocs, doc->subdoc_cap * sizeof(*doc->subdocs));
    crdt__order_deinit(doc);
    crdt__conflict_deinit(doc);
    crdt__values_forget(doc);
    crdt__arena_deinit(&doc->objects);
    crdt__arena_deinit(&doc->text);
    crdt__release(mem, doc, sizeof(*doc));
}

crdt_err crdt__doc_fail(crdt_doc *doc)
{
    doc->failed = doc->budget.err ? doc->budget.err : CRDT_NO_MEMORY;
    return doc->failed;
}

bool crdt_doc_failed(const crdt_doc *doc)
{
    return doc->failed != CRDT_OK;
}

bool crdt_doc_pending(const crdt_doc *doc)
{
    return crdt__pending_any(&doc->pending);
}

size_t crdt_doc_memory_bytes(const crdt_doc *doc)
{
    return doc->budget.held;
}

size_t crdt_doc_struct_count(const crdt_doc *doc)
{
    return doc->struct_count;
}

size_t crdt_doc_pending_bytes(const crdt_doc *doc)
{
    const size_t range_bytes = 8; /* a range takes about as much encoded */
    return doc->pending.bytes + doc->pending.ranges * range_bytes;
}

/* ---- clients ---- */

uint32_t crdt__doc_get_client(crdt_doc *doc, uint64_t id)
{
    uint32_t index = crdt__doc_find_client(doc, id);
    if (index)
        return index;
    if (doc->client_count > CRDT_CLIENTS_MAX) {
        doc->budget.err = CRDT_LIMIT;
        return 0;
    }
    if (!crdt__budget_reserve(&doc->budget, &doc->clients, &doc->client_cap, doc->client_count + 1,
                              sizeof(*doc->clients)) ||
        !crdt__u64map_put(&doc->client_index, id, doc->client_count))
        return 0;
    index = (uint32_t)doc->client_count++;
    doc->clients[index] = (crdt__client){.id = id};
    return index;
}

typedef struct client_key {
    uint64_t id;
    uint32_t index;
} client_key;

static int compare_descending(const void *a, const void *b)
{
    uint64_t x = ((const client_key *)a)->id;
    uint64_t y = ((const client_key *)b)->id;
    return x < y ? 1 : x > y ? -1 : 0;
}

bool crdt__doc_clients_descending(crdt_doc *doc, uint32_t **out)
{
    size_t count = doc->client_count - 1;
    *out = NULL;
    if (count == 0)
        return true;
    client_key *keys = crdt__budget_resize(&doc->budget, NULL, 0, count * sizeof(*keys));
    uint32_t *indices = crdt__budget_resize(&doc->budget, NULL, 0, count * sizeof(*indices));
    if (keys && indices) {
        for (size_t i = 0; i < count; i++)
            keys[i] = (client_key){doc->clients[i + 1].id, (uint32_t)(i + 1)};
        qsort(keys, count, sizeof(*keys), compare_descending);
        for (size_t i = 0; i < count; i++)
            indices[i] = keys[i].index;
        *out = indices;
    } else {
        crdt__budget_release(&doc->budget, indices, count * sizeof(*indices));
    }
    crdt__budget_release(&doc->budget, keys, count * sizeof(*keys));
    return *out != NULL;
}

/* ---- names ---- */

/* The i-th of the numbers that follow from a seed (S. Vigna's splitmix64). */
static uint64_t multiplier(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Multilinear: the length and each word times a number of its own (D. Lemire, O. Kaser: Strongly
 * universal string hashing is fast, 2014). Whoever does not know the seed finds no names that
 * collide; a hash that only begins with the seed, as FNV would, gives them away. */
static uint32_t hash_bytes(uint64_t seed, crdt_bytes bytes)
{
    uint64_t sum = multiplier(seed, 0) * (bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i += sizeof(uint32_t)) {
        uint32_t word = 0;
        for (size_t k = 0; k < sizeof word && i + k < bytes.len; k++)
            word |= (uint32_t)bytes.data[i + k] << 8 * k;
        sum += multiplier(seed, i / sizeof word + 1) * word;
    }
    return (uint32_t)(sum >> 32);
}

crdt_bytes crdt__doc_name_bytes(const crdt_doc *doc, uint32_t name)
{
    const crdt__blob *blob = crdt__blob_at(&doc->objects, doc->names[name].bytes);
    return (crdt_bytes){blob->data, blob->len};
}

static void fill_name_slots(const crdt_doc *doc, uint32_t *slots, size_t cap)
{
    if (cap > 0)
        memset(slots, 0, cap * sizeof(*slots));
    for (size_t name = 1; name < doc->name_count; name++) {
        size_t i = doc->names[name].hash & (cap - 1);
        while (slots[i])
            i = (i + 1) & (cap - 1);
        slots[i] = (uint32_t)name;
    }
}

static bool grow_name_slots(crdt_doc *doc)
{
    size_t cap = doc->name_slot_cap ? doc->name_slot_cap * 2 : 8;
    uint32_t *slots = crdt__budget_resize(&doc->budget, NULL, 0, cap * sizeof(*slots));
    if (!slots)
        return false;
    fill_name_slots(doc, slots, cap);
    crdt__budget_release(&doc->budget, doc->name_slots,
                         doc->name_slot_cap * sizeof(*doc->name_slots));
    doc->name_slots = slots;
    doc->name_slot_cap = cap;
    return true;
}

/* The slot of the name, or the empty one where it belongs; there are slots. */
static size_t name_slot(const crdt_doc *doc, crdt_bytes bytes, uint32_t hash)
{
    size_t i = hash & (doc->name_slot_cap - 1);
    for (; doc->name_slots[i]; i = (i + 1) & (doc->name_slot_cap - 1)) {
        uint32_t name = doc->name_slots[i];
        if (doc->names[name].hash == hash &&
            crdt__bytes_equal(crdt__doc_name_bytes(doc, name), bytes))
            break;
    }
    return i;
}

uint32_t crdt__doc_find_name(const crdt_doc *doc, crdt_bytes bytes)
{
    if (!doc->name_slot_cap)
        return 0;
    return doc->name_slots[name_slot(doc, bytes, hash_bytes(doc->options.hash_seed, bytes))];
}

uint32_t crdt__doc_name(crdt_doc *doc, crdt_bytes bytes)
{
    if (doc->name_count * 2 > doc->name_slot_cap && !grow_name_slots(doc))
        return 0;
    uint32_t hash = hash_bytes(doc->options.hash_seed, bytes);
    size_t i = name_slot(doc, bytes, hash);
    if (doc->name_slots[i])
        return doc->name_slots[i];
    if (!crdt__budget_reserve(&doc->budget, &doc->names, &doc->name_cap, doc->name_count + 1,
                              sizeof(*doc->names)))
        return 0;
    crdt__ref blob = crdt__blob_new(&doc->objects, bytes);
    if (!blob)
        return 0;
    uint32_t name = (uint32_t)doc->name_count++;
    doc->names[name] = (crdt__name){.bytes = blob, .hash = hash};
    doc->name_slots[i] = name;
    return name;
}

crdt__ref crdt__doc_root_of_name(crdt_doc *doc, uint32_t name)
{
    if (doc->names[name].root)
        return doc->names[name].root;
    if (!crdt__budget_reserve(&doc->budget, &doc->roots, &doc->root_cap, doc->root_count + 1,
                              sizeof(*doc->roots)))
        return 0;
    crdt__ref root = crdt__type_new(&doc->objects, 0, name, CRDT__TYPE_ARRAY);
    if (root) {
        doc->names[name].root = root;
        doc->roots[doc->root_count++] = name;
    }
    return root;
}

crdt__ref crdt__doc_root(crdt_doc *doc, crdt_bytes bytes)
{
    uint32_t name = crdt__doc_name(doc, bytes);
    return name ? crdt__doc_root_of_name(doc, name) : 0;
}

/* ---- sub-documents ---- */

crdt__ref crdt__doc_subdoc(const crdt_doc *doc, crdt__unit unit)
{
    crdt__ref ref = crdt__doc_item(doc, unit.client, unit.clock);
    const crdt__item *it = crdt__item_at(doc, ref);
    return it->kind == CRDT__DOC && !it->deleted ? ref : 0;
}

static void forget_deleted_subdocs(crdt_doc *doc)
{
    size_t kept = 0;
    for (size_t i = 0; i < doc->subdoc_count; i++)
        if (crdt__doc_subdoc(doc, doc->subdocs[i]))
            doc->subdocs[kept++] = doc->subdocs[i];
    doc->subdoc_count = kept;
}

bool crdt__doc_add_subdoc(crdt_doc *doc, crdt__unit unit)
{
    if (doc->subdoc_count == doc->subdoc_cap) {
        forget_deleted_subdocs(doc);
        if (!crdt__budget_reserve(&doc->budget, &doc->subdocs, &doc->subdoc_cap,
                                  doc->subdoc_count * 2 + 1, sizeof(*doc->subdocs)))
            return false;
    }
    doc->subdocs[doc->subdoc_count++] = unit;
    return true;
}

/* ---- structs ---- */

crdt__ref crdt__doc_item_new(crdt_doc *doc)
{
    crdt__ref ref = crdt__arena_alloc(&doc->objects, CRDT__ITEM_UNITS);
    if (!ref)
        return 0;
    memset(crdt__item_at(doc, ref), 0, sizeof(crdt__item));
    doc->struct_count++;
    return ref;
}

void crdt__doc_item_free(crdt_doc *doc, crdt__ref ref)
{
    doc->struct_count--;
    crdt__arena_free(&doc->objects, ref, CRDT__ITEM_UNITS);
}

bool crdt__doc_add(crdt_doc *doc, uint32_t client, uint64_t clock, crdt__ref ref)
{
    if (!crdt__txn_touch(doc, client))
        return false;
    crdt__client *c = &doc->clients[client];
    crdt__doc_forget_place(doc);
    if (!crdt__blocks_append(&doc->objects, &c->blocks, clock, ref))
        return false;
    c->state = crdt__item_end(crdt__item_at(doc, ref));
    return true;
}

/* ---- back to empty ---- */

bool crdt__doc_mark_empty(const crdt_doc *doc, crdt__doc_mark *out)
{
    for (size_t i = 1; doc->struct_count == 0 && i < doc->client_count; i++)
        if (doc->clients[i].queue)
            return false;
    if (doc->struct_count > 0 || crdt__pending_any(&doc->pending) || doc->text_dead > 0 ||
        doc->subdoc_count > 0 || crdt__arena_has_free(&doc->objects))
        return false;
    *out = (crdt__doc_mark){.objects = crdt__arena_mark_of(&doc->objects),
                            .text = crdt__arena_mark_of(&doc->text),
                            .client_count = doc->client_count,
                            .name_count = doc->name_count,
                            .root_count = doc->root_count};
    return true;
}

static void rewind_clients(crdt_doc *doc, size_t count)
{
    doc->client_count = count;
    doc->client_last = 0;
    crdt__u64map_clear(&doc->client_index);
    for (size_t i = 1; i < count; i++) {
        doc->clients[i] = (crdt__client){.id = doc->clients[i].id};
        (void)crdt__u64map_put(&doc->client_index, doc->clients[i].id, i); /* there is room */
    }
}

/* Names that are new go, and so do roots; those that stay are as new. */
static void rewind_names(crdt_doc *doc, const crdt__doc_mark *mark)
{
    for (size_t i = mark->root_count; i < doc->root_count; i++)
        doc->names[doc->roots[i]].root = 0;
    doc->root_count = mark->root_count;
    doc->name_count = mark->name_count;
    fill_name_slots(doc, doc->name_slots, doc->name_slot_cap);
    for (size_t i = 0; i < doc->root_count; i++) {
        crdt__type *root = crdt__type_at(&doc->objects, doc->names[doc->roots[i]].root);
        root->start = root->map = 0;
        root->length = 0;
        root->has_formatting = false;
    }
}

void crdt__doc_rewind(crdt_doc *doc, const crdt__doc_mark *mark)
{
    crdt__txn_end(doc);
    crdt__conflict_deinit(doc);
    crdt__values_forget(doc);
    rewind_names(doc, mark);
    rewind_clients(doc, mark->client_count);
    crdt__arena_rewind(&doc->objects, &mark->objects);
    crdt__arena_rewind(&doc->text, &mark->text);
    doc->cursor.type = 0;
    doc->struct_count = doc->subdoc_count = 0;
    doc->text_live = doc->text_dead = 0;
}
