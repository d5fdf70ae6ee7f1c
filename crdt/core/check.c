/* Every numbered invariant of crdt/README.md, walked. */
#include "base/utf16.h"
#include "core/conflict.h"
#include "core/order.h"
#include "core/values.h"

/* What the walk adds up, to be compared with what the document says of itself. */
typedef struct tally {
    size_t structs;
    size_t text_bytes;
    bool cursor; /* seen where it says it is */
} tally;

static const char *check_kind(const crdt_doc *doc, const crdt__item *it, tally *sum)
{
    if (crdt__item_len(it) == 0)
        return "I3: a struct of length 0";
    switch ((crdt__kind)it->kind) {
    case CRDT__STRING:
        sum->text_bytes += it->text.bytes;
        if (crdt__utf16_len(crdt__text_of(&doc->text, it)) != it->text.units)
            return "I4: a text is not as long as its item says";
        if (!it->halves && crdt__wtf8_has_half(crdt__text_of(&doc->text, it)))
            return "I4: a text holds unpaired surrogates, and its item does not say so";
        return NULL;
    case CRDT__GC:
        return it->deleted && !it->parent && !it->left && !it->right
                   ? NULL
                   : "I5: a GC struct is linked, or not deleted";
    case CRDT__DELETED:
        return it->deleted ? NULL : "I5: deleted content in an item that is not deleted";
    case CRDT__TYPE:
        return crdt__item_at(doc, crdt__type_at(&doc->objects, it->content)->item) == it
                   ? NULL
                   : "I7: a type does not know the item that holds it";
    case CRDT__JSON:
    case CRDT__ANY:
        return it->content ? crdt__values_check(doc, it) : "I3: an item without its content";
    case CRDT__BINARY:
    case CRDT__EMBED:
    case CRDT__FORMAT:
    case CRDT__DOC:
        return it->content ? NULL : "I3: an item without its content";
    case CRDT__SKIP:
        break;
    }
    return "I3: a kind of struct that no document holds";
}

static const char *check_links(const crdt_doc *doc, crdt__ref ref, const crdt__item *it)
{
    if (it->kind == CRDT__GC)
        return NULL;
    if (!it->parent)
        return "I6: an item without a parent";
    if (it->left && crdt__item_at(doc, it->left)->right != ref)
        return "I6: the left neighbour's right neighbour is another";
    if (it->right && crdt__item_at(doc, it->right)->left != ref)
        return "I6: the right neighbour's left neighbour is another";
    const crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
    if (!it->left && !it->key && parent->start != ref)
        return "I6: an item without a left neighbour does not begin its list";
    if (it->key && !it->right && crdt__type_get(&doc->objects, parent, it->key) != ref)
        return "I8: the last entry of a key is not its value";
    return NULL;
}

static const char *check_type(const crdt_doc *doc, crdt__ref type_ref, tally *sum)
{
    const crdt__type *type = crdt__type_at(&doc->objects, type_ref);
    uint64_t visible = 0;
    for (crdt__ref ref = type->start; ref; ref = crdt__item_at(doc, ref)->right) {
        if (doc->cursor.type == type_ref && doc->cursor.item == ref)
            sum->cursor = doc->cursor.index == visible;
        visible += crdt__item_visible(crdt__item_at(doc, ref));
    }
    if (visible != type->length)
        return "I7: a type is not as long as what is visible in it";
    return crdt__order_check(doc, type_ref);
}

static const char *check_client(const crdt_doc *doc, size_t index, tally *sum)
{
    const crdt__client *client = &doc->clients[index];
    const char *wrong = crdt__blocks_check(&doc->objects, &client->blocks);
    if (wrong || !client->blocks.root)
        return wrong ? wrong : client->state == 0 ? NULL : "I1: clocks without structs";
    uint64_t clock = 0;
    crdt__pos pos = crdt__blocks_first(&client->blocks);
    do {
        crdt__ref ref = crdt__blocks_item(&doc->objects, pos);
        const crdt__item *it = crdt__item_at(doc, ref);
        if (it->client != index || it->clock != clock ||
            crdt__blocks_clock(&doc->objects, pos) != clock)
            return "I1: the structs of a client leave a gap or overlap";
        if ((wrong = check_kind(doc, it, sum)) || (wrong = check_links(doc, ref, it)))
            return wrong;
        if (it->kind == CRDT__TYPE && (wrong = check_type(doc, it->content, sum)))
            return wrong;
        clock = crdt__item_end(it);
        sum->structs++;
    } while (crdt__blocks_next(&doc->objects, &pos));
    return clock == client->state ? NULL : "I1: a client's state is not the end of its structs";
}

const char *crdt_doc_check(const crdt_doc *doc)
{
    if (doc->failed)
        return NULL;
    tally sum = {0};
    const char *wrong;
    for (size_t c = 1; c < doc->client_count; c++)
        if ((wrong = check_client(doc, c, &sum)))
            return wrong;
    for (size_t n = 1; n < doc->name_count; n++)
        if (doc->names[n].root && (wrong = check_type(doc, doc->names[n].root, &sum)))
            return wrong;
    if (doc->cursor.type && !sum.cursor)
        return "I13: the cursor is not where it says it is";
    if ((wrong = crdt__conflict_check(doc)))
        return wrong;
    if (sum.structs != doc->struct_count)
        return "I2: the number of structs is not what it is said to be";
    if (sum.text_bytes != doc->text_live)
        return "I4: the bytes of text are not what they are said to be";
    if (!doc->editing &&
        (doc->txn.touched_count || doc->txn.deleted_count || doc->txn.candidate_count))
        return "I9: a transaction is still open";
    return crdt__pending_check(doc);
}
