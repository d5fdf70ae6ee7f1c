#include "past/checkpoint.h"

#include <stdlib.h>
#include <zstd.h>

#include "past/errs.h"

#define FORM_V1         1
#define FORM_V2_ZSTD    2
#define FORM_DIFFERENCE 3

#define SEQ_LEN 8u

/* Checkpoints are rare and kept for ever, so their bytes count for more than the time. */
#define CHECKPOINT_ZSTD_LEVEL 9
/* A difference larger than this part of the state is not worth it: a new whole one makes those that
 * follow smaller. */
#define CHECKPOINT_DIFFERENCE_PART 8
/* Bytes of one state. More is no state of ours, and nothing is allocated for it. */
#define CHECKPOINT_PLAIN_MAX ((unsigned long long)4 << 30)

/* ---- zstd ---- */

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

/* Appends a frame. False: out of memory. */
static bool compress(crdt_bytes plain, crdt_bytes prefix, crdt_buf *out)
{
    size_t bound = ZSTD_compressBound(plain.len);
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    bool ok = ctx != NULL && reserve(out, bound) &&
              !ZSTD_isError(
                  ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, CHECKPOINT_ZSTD_LEVEL)) &&
              !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, prefix.len > 0)) &&
              !ZSTD_isError(ZSTD_CCtx_refPrefix(ctx, prefix.data, prefix.len));
    size_t len = ok ? ZSTD_compress2(ctx, out->data + out->len, bound, plain.data, plain.len) : 0;
    ZSTD_freeCCtx(ctx);
    if (!ok || ZSTD_isError(len))
        return false;
    out->len += len;
    return true;
}

/* Fills `out`, which is empty. ERR_STORAGE: it is no such frame. */
static err decompress(crdt_bytes frame, crdt_bytes prefix, crdt_buf *out)
{
    unsigned long long said = ZSTD_getFrameContentSize(frame.data, frame.len);
    if (said == ZSTD_CONTENTSIZE_ERROR || said == ZSTD_CONTENTSIZE_UNKNOWN || said == 0 ||
        said > CHECKPOINT_PLAIN_MAX)
        return ERR_STORAGE;
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    bool ok = ctx != NULL && reserve(out, (size_t)said) &&
              !ZSTD_isError(ZSTD_DCtx_refPrefix(ctx, prefix.data, prefix.len));
    size_t len = ok ? ZSTD_decompressDCtx(ctx, out->data, (size_t)said, frame.data, frame.len) : 0;
    ZSTD_freeDCtx(ctx);
    if (!ok)
        return ERR_NO_MEMORY;
    if (len != said)
        return ERR_STORAGE;
    out->len = len;
    return ERR_OK;
}

/* ---- forms ---- */

static crdt_bytes bytes_of(const crdt_buf *buf)
{
    return (crdt_bytes){buf->data, buf->len};
}

static crdt_bytes behind(crdt_bytes bytes, size_t len)
{
    return (crdt_bytes){bytes.data + len, bytes.len - len};
}

static bool has_form(crdt_bytes bytes, uint8_t form)
{
    return bytes.len > 0 && bytes.data[0] == form;
}

uint64_t checkpoint_base_seq(crdt_bytes bytes)
{
    uint64_t seq = 0;
    if (!has_form(bytes, FORM_DIFFERENCE) || bytes.len <= 1 + SEQ_LEN)
        return 0;
    for (size_t i = 1; i <= SEQ_LEN; i++)
        seq = seq << 8 | bytes.data[i];
    return seq;
}

/* The state of a whole checkpoint. */
static err open_whole(crdt_bytes bytes, crdt_buf *state)
{
    if (!has_form(bytes, FORM_V2_ZSTD))
        return ERR_STORAGE;
    return decompress(behind(bytes, 1), (crdt_bytes){0}, state);
}

static err open_difference(crdt_bytes bytes, crdt_bytes base, crdt_buf *state)
{
    crdt_buf before = {0};
    if (checkpoint_base_seq(bytes) == 0)
        return ERR_STORAGE;
    err failed = open_whole(base, &before);
    if (failed == ERR_OK)
        failed = decompress(behind(bytes, 1 + SEQ_LEN), bytes_of(&before), state);
    crdt_buf_free(&before);
    return failed;
}

/* ---- encoding ---- */

static err encode_whole(crdt_bytes state, crdt_buf *out)
{
    size_t before = out->len;
    if (!reserve(out, 1))
        return ERR_NO_MEMORY;
    out->data[out->len++] = FORM_V2_ZSTD;
    if (compress(state, (crdt_bytes){0}, out))
        return ERR_OK;
    out->len = before;
    return ERR_NO_MEMORY;
}

/* False: there is none, or it is not worth it. */
static bool encode_difference(crdt_bytes state, const checkpoint_base *base, crdt_buf *out)
{
    crdt_buf before = {0};
    size_t start = out->len;
    bool good = base->seq > 0 && open_whole(base->bytes, &before) == ERR_OK &&
                before.len + state.len <= CHECKPOINT_DIFFERENCE_MAX && reserve(out, 1 + SEQ_LEN);
    if (good) {
        out->data[out->len++] = FORM_DIFFERENCE;
        for (size_t i = 0; i < SEQ_LEN; i++)
            out->data[out->len++] = (uint8_t)(base->seq >> (8 * (SEQ_LEN - 1 - i)));
        good = compress(state, bytes_of(&before), out) &&
               out->len - start <= state.len / CHECKPOINT_DIFFERENCE_PART;
    }
    if (!good)
        out->len = start;
    crdt_buf_free(&before);
    return good;
}

err checkpoint_encode(crdt_bytes state, const checkpoint_base *base, crdt_buf *out)
{
    return encode_difference(state, base, out) ? ERR_OK : encode_whole(state, out);
}

/* ---- applying ---- */

static err apply(crdt_doc *doc, crdt_encoding encoding, crdt_bytes plain, uint64_t *len)
{
    err failed = err_of_crdt(crdt_doc_apply(doc, encoding, plain, NULL));
    if (failed == ERR_OK)
        *len = plain.len;
    return failed == ERR_MALFORMED_UPDATE ? ERR_STORAGE : failed;
}

err checkpoint_apply(crdt_doc *doc, crdt_bytes bytes, crdt_bytes base, uint64_t *len)
{
    crdt_buf state = {0};
    if (has_form(bytes, FORM_V1))
        return apply(doc, CRDT_V1, behind(bytes, 1), len);
    err failed = has_form(bytes, FORM_DIFFERENCE) ? open_difference(bytes, base, &state)
                                                  : open_whole(bytes, &state);
    if (failed == ERR_OK)
        failed = apply(doc, CRDT_V2, bytes_of(&state), len);
    crdt_buf_free(&state);
    return failed;
}
