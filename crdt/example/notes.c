/* Two people edit one document, apart and then together.
 *
 *     cc notes.c $(pkg-config --cflags --libs weft-crdt) -o notes && ./notes
 *
 * Ada and Bob each hold a copy. They write while they cannot hear each other; then each asks for
 * what they lack, and both hold the same.
 */
#include <crdt.h>
#include <stdio.h>
#include <stdlib.h>

static void must(crdt_err err)
{
    if (err == CRDT_OK)
        return;
    fprintf(stderr, "notes: %s\n", crdt_strerror(err));
    exit(1);
}

/* One copy of the document, and the number that its owner edits under. */
static crdt_doc *open_copy(uint64_t client)
{
    crdt_doc *doc = crdt_doc_new(NULL);
    if (!doc)
        must(CRDT_NO_MEMORY);
    must(crdt_doc_set_client(doc, client));
    return doc;
}

static crdt_type root(crdt_doc *doc, const char *name, crdt_type_kind kind)
{
    crdt_type type;
    must(crdt_doc_root(doc, crdt_bytes_of(name), kind, &type));
    return type;
}

/* Edits come in transactions, each of which gives one update. Whoever applies it has the edits;
 * here nobody is listening, so it is dropped. */
static void write_text(crdt_doc *doc, uint64_t index, const char *text, const char *attributes)
{
    crdt_buf update = {0};
    crdt_value formats = crdt_json(attributes);
    must(crdt_doc_begin(doc));
    must(
        crdt_text_insert(doc, root(doc, "notes", CRDT_TEXT), index, crdt_bytes_of(text), &formats));
    must(crdt_doc_commit(doc, CRDT_V1, &update));
    crdt_buf_free(&update);
}

static void set_title(crdt_doc *doc, const char *json)
{
    crdt_value title = crdt_json(json);
    must(crdt_doc_begin(doc));
    must(crdt_map_set(doc, root(doc, "meta", CRDT_MAP), crdt_bytes_of("title"), &title));
    must(crdt_doc_commit(doc, CRDT_V1, NULL));
}

/* Brings `to` what it lacks of `from`: tell what you have, get the rest. */
static void catch_up(crdt_doc *to, crdt_doc *from)
{
    crdt_buf known = {0};
    crdt_buf update = {0};
    must(crdt_doc_encode_state_vector(to, &known));
    must(crdt_doc_encode_state(from, CRDT_V1, (crdt_bytes){known.data, known.len}, &update));
    must(crdt_doc_apply(to, CRDT_V1, (crdt_bytes){update.data, update.len}, NULL));
    crdt_buf_free(&known);
    crdt_buf_free(&update);
}

static void show(const char *who, crdt_doc *doc)
{
    crdt_buf notes = {0};
    crdt_buf meta = {0};
    must(crdt_read_delta(doc, root(doc, "notes", CRDT_TEXT), NULL, &notes));
    must(crdt_read_json(doc, root(doc, "meta", CRDT_MAP), NULL, &meta));
    printf("%s: %.*s %.*s\n", who, (int)notes.len, (const char *)notes.data, (int)meta.len,
           (const char *)meta.data);
    crdt_buf_free(&notes);
    crdt_buf_free(&meta);
}

int main(void)
{
    crdt_doc *ada = open_copy(1);
    crdt_doc *bob = open_copy(2);

    write_text(ada, 0, "Buy milk.", "{}");
    catch_up(bob, ada);

    write_text(ada, 4, "oat ", "{\"bold\":true}"); /* at the same time ... */
    write_text(bob, 9, " And bread.", "{}");       /* ... and apart */
    set_title(bob, "\"Saturday\"");

    catch_up(ada, bob);
    catch_up(bob, ada);
    show("Ada", ada);
    show("Bob", bob);

    crdt_doc_free(ada);
    crdt_doc_free(bob);
    return 0;
}
