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
