#include "wire/show.h"

void crdt__show(const crdt_doc *doc, const crdt__item *it, crdt__wstruct *ws)
{
    *ws = (crdt__wstruct){.id = {doc->clients[it->client].id, it->clock},
                          .len = crdt__item_len(it),
                          .kind = it->kind,
                          .canonical = true};
    if (it->kind == CRDT__GC)
        return;
    ws->has_sub = it->key != 0;
    if (it->origin_client) {
        ws->has_origin = true;
        ws->origin = (crdt_id){doc->clients[it->origin_client].id, it->origin_clock};
    }
    if (it->right_client) {
        ws->has_right = true;
        ws->right = (crdt_id){doc->clients[it->right_client].id, it->right_clock};
    }
    if (!ws->has_origin && !ws->has_right) {
        const crdt__type *parent = crdt__type_at(&doc->objects, it->parent);
        ws->has_parent = true;
        ws->parent_is_root = parent->item == 0;
        if (parent->item) {
            const crdt__item *holder = crdt__item_at(doc, parent->item);
            ws->parent_id = (crdt_id){doc->clients[holder->client].id, holder->clock};
        } else {
            ws->parent_root = crdt__doc_name_bytes(doc, parent->name);
        }
        if (it->key)
            ws->sub = crdt__doc_name_bytes(doc, it->key);
    }
    crdt__content_show(doc, it, ws);
}

/* Structs of a client from the one at `pos` to the end. */
static uint64_t count_from(const crdt_doc *doc, crdt__pos pos)
{
    const crdt__leaf *leaf = crdt__leaf_at(&doc->objects, pos.leaf);
    uint64_t count = leaf->count - pos.i;
    for (crdt__ref ref = leaf->next; ref; ref = crdt__leaf_at(&doc->objects, ref)->next)
        count += crdt__leaf_at(&doc->objects, ref)->count;
    return count;
}

void crdt__show_section(const crdt_doc *doc, uint32_t index, uint64_t from, crdt__encoder *enc)
{
    const crdt__client *client = &doc->clients[index];
    crdt__pos pos = crdt__doc_pos(doc, index, from);
    crdt__encode_section(enc, count_from(doc, pos), (crdt_id){client->id, from});
    uint64_t offset = from - crdt__blocks_clock(&doc->objects, pos);
    do {
        crdt__wstruct ws;
        crdt__show(doc, crdt__item_at(doc, crdt__blocks_item(&doc->objects, pos)), &ws);
        crdt__encode_struct(enc, &ws, offset);
        offset = 0;
    } while (enc->out.ok && crdt__blocks_next(&doc->objects, &pos));
}
