#include "past/checkpoint.h"

#include <stdlib.h>
#include <zstd.h>

#include "past/errs.h"

#define FORM_V1      1
#define FORM_V2_ZSTD 2

/* Checkpoints are rare and kept for ever, so their bytes count for more than the time. */
#define CHECKPOINT_ZSTD_LEVEL 9
/* Bytes of one state. More is no state of ours, and nothing is allocated for it. */
#define CHECKPOINT_PLAIN_MAX ((unsigned long long)4 << 30)

/* ---- encoding ---- */

static bool reserve(crdt_buf *buf, size_t more)
{
    if (buf->cap - buf->len >= more)
        return true;
    uint8_t *data = realloc(buf->data, buf->len + more);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = buf->len + more;
    return true;
}

err checkpoint_encode(crdt_bytes state, crdt_buf *out)
{
    size_t bound = ZSTD_compressBound(state.len);
    if (!reserve(out, 1 + bound))
        return ERR_NO_MEMORY;
    size_t len = ZSTD_compress(out->data + out->len + 1, bound, state.data, state.len,
                               CHECKPOINT_ZSTD_LEVEL);
    if (ZSTD_isError(len))
        return ERR_NO_MEMORY;
    out->data[out->len] = FORM_V2_ZSTD;
    out->len += 1 + len;
    return ERR_OK;
}

/* ---- applying ---- */

static err apply(crdt_doc *doc, crdt_encoding encoding, crdt_bytes plain, uint64_t *len)
{
    err failed = err_of_crdt(crdt_doc_apply(doc, encoding, plain, NULL));
    if (failed == ERR_OK)
        *len = plain.len;
    return failed == ERR_MALFORMED_UPDATE ? ERR_STORAGE : failed;
}

static err apply_frame(crdt_doc *doc, crdt_bytes frame, uint64_t *len)
{
    unsigned long long said = ZSTD_getFrameContentSize(frame.data, frame.len);
    if (said == ZSTD_CONTENTSIZE_ERROR || said == ZSTD_CONTENTSIZE_UNKNOWN || said == 0 ||
        said > CHECKPOINT_PLAIN_MAX)
        return ERR_STORAGE;
    uint8_t *plain = malloc((size_t)said);
    if (plain == NULL)
        return ERR_NO_MEMORY;
    size_t got = ZSTD_decompress(plain, (size_t)said, frame.data, frame.len);
    err failed = got == said ? apply(doc, CRDT_V2, (crdt_bytes){plain, got}, len) : ERR_STORAGE;
    free(plain);
    return failed;
}

err checkpoint_apply(crdt_doc *doc, crdt_bytes bytes, uint64_t *len)
{
    if (bytes.len == 0)
        return ERR_STORAGE;
    crdt_bytes rest = {bytes.data + 1, bytes.len - 1};
    switch (bytes.data[0]) {
    case FORM_V1:
        return apply(doc, CRDT_V1, rest, len);
    case FORM_V2_ZSTD:
        return apply_frame(doc, rest, len);
    default:
        return ERR_STORAGE;
    }
}
