#include "wire/values.h"

#include "base/any.h"
#include "base/json.h"
#include "base/value.h"

static const uint8_t undefined_word[] = "undefined";

bool crdt__values_is_undefined(crdt_bytes text)
{
    return crdt__bytes_equal(text, (crdt_bytes){undefined_word, sizeof undefined_word - 1});
}

crdt__reader crdt__values_from(const crdt__wstruct *s, uint64_t offset)
{
    crdt__reader r = crdt__reader_of(s->content);
    for (uint64_t i = 0; i < offset; i++) {
        if (s->kind == CRDT__ANY)
            crdt__any_skip_valid(&r);
        else
            (void)crdt__read_varbytes(&r);
    }
    return r;
}

void crdt__values_write_any(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                            const crdt_mem *mem)
{
    crdt__reader r = crdt__values_from(s, offset);
    if (s->canonical) {
        crdt__write_bytes(w, r.pos, crdt__reader_left(&r));
        return;
    }
    for (uint64_t i = offset; i < s->len && w->ok; i++)
        crdt__any_canonicalize(&r, w, mem);
}

void crdt__values_write_json(crdt__writer *w, crdt_bytes text, bool canonical, const crdt_mem *mem)
{
    if (canonical || crdt__values_is_undefined(text))
        crdt__write_bytes(w, text.data, text.len);
    else
        (void)crdt__json_canonicalize(text, w, mem);
}

void crdt__values_write_options(crdt__writer *w, const crdt__wstruct *s, const crdt_mem *mem)
{
    if (s->canonical) {
        crdt__write_bytes(w, s->content2.data, s->content2.len);
        return;
    }
    crdt__reader r = crdt__reader_of(s->content2);
    crdt__any_doc_options(&r, w, mem);
}

/* ---- embeds and formats ---- */

static bool says(crdt_bytes text, size_t at, const char *word)
{
    size_t len = strlen(word);
    return text.len - at >= len && memcmp(text.data + at, word, len) == 0;
}

/* True if Any on the wire may not tell the value whole: it has no unpaired surrogates, which JSON
 * has as escapes, and whoever reads it drops the key __proto__. */
static bool may_be_lost(crdt_bytes value)
{
    if (crdt__value_is_any(value))
        return true;
    for (size_t i = 0; i < value.len; i++)
        if ((value.data[i] == '\\' && says(value, i, "\\ud")) ||
            (value.data[i] == '_' && says(value, i, "__proto__")))
            return true;
    return false;
}

/* The value as it would be kept by somebody who got it as Any. */
static void write_sent(crdt__writer *w, crdt_bytes value, const crdt_mem *mem)
{
    if (!may_be_lost(value)) {
        crdt__write_bytes(w, value.data, value.len);
        return;
    }
    crdt_buf any = {.mem = mem};
    crdt__writer inner = crdt__writer_on(&any);
    crdt__value_to_any(value, &inner, mem);
    if (crdt__writer_finish(&inner) == CRDT_OK) {
        crdt__reader r = crdt__reader_of((crdt_bytes){any.data, any.len});
        crdt__value_from_any(&r, w, mem);
    } else {
        w->ok = false;
    }
    crdt_buf_free(&any);
}

static void write_kept(crdt__writer *w, crdt_bytes value, crdt__value_form form,
                       const crdt_mem *mem)
{
    switch (form) {
    case CRDT__VALUE_AS_JSON:
        crdt__value_to_json(value, w, mem);
        break;
    case CRDT__VALUE_AS_ANY:
        crdt__value_to_any(value, w, mem);
        break;
    case CRDT__VALUE_AS_SENT:
        write_sent(w, value, mem);
        break;
    }
}

void crdt__values_write(crdt__writer *w, crdt_bytes value, bool canonical, crdt__value_form form,
                        const crdt_mem *mem)
{
    if (canonical) {
        write_kept(w, value, form, mem);
        return;
    }
    crdt_buf buf = {.mem = mem};
    crdt__writer inner = crdt__writer_on(&buf);
    crdt__value_from_json(value, &inner, mem);
    if (crdt__writer_finish(&inner) == CRDT_OK)
        write_kept(w, (crdt_bytes){buf.data, buf.len}, form, mem);
    else
        w->ok = false;
    crdt_buf_free(&buf);
}
