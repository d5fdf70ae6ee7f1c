/* Which file a path names, and what it is: without looking at any. */
#include "http/inside.h"

static const struct {
    const char *suffix;
    slice type;
} types[] = {
    {".html", SLICE_LITERAL("text/html; charset=utf-8")},
    {".js", SLICE_LITERAL("text/javascript; charset=utf-8")},
    {".mjs", SLICE_LITERAL("text/javascript; charset=utf-8")},
    {".css", SLICE_LITERAL("text/css; charset=utf-8")},
    {".txt", SLICE_LITERAL("text/plain; charset=utf-8")},
    {".md", SLICE_LITERAL("text/markdown; charset=utf-8")},
    {".xml", SLICE_LITERAL("application/xml")},
    {".json", SLICE_LITERAL("application/json")},
    {".map", SLICE_LITERAL("application/json")},
    {".webmanifest", SLICE_LITERAL("application/manifest+json")},
    {".wasm", SLICE_LITERAL("application/wasm")},
    {".pdf", SLICE_LITERAL("application/pdf")},
    {".svg", SLICE_LITERAL("image/svg+xml")},
    {".png", SLICE_LITERAL("image/png")},
    {".jpg", SLICE_LITERAL("image/jpeg")},
    {".jpeg", SLICE_LITERAL("image/jpeg")},
    {".gif", SLICE_LITERAL("image/gif")},
    {".webp", SLICE_LITERAL("image/webp")},
    {".avif", SLICE_LITERAL("image/avif")},
    {".ico", SLICE_LITERAL("image/x-icon")},
    {".woff2", SLICE_LITERAL("font/woff2")},
    {".woff", SLICE_LITERAL("font/woff")},
    {".ttf", SLICE_LITERAL("font/ttf")},
};

slice static_type(const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t suffix_len = strlen(types[i].suffix);
        if (len > suffix_len && strcmp(path + len - suffix_len, types[i].suffix) == 0)
            return types[i].type;
    }
    return SLICE_LITERAL("application/octet-stream");
}

/* No segment may begin with a dot (hidden, or on its way out), and only the last may be empty. */
static bool stays_inside(const char *path)
{
    for (const char *segment = path; segment != NULL;) {
        const char *slash = strchr(segment, '/');
        if (segment[0] == '.' || slash == segment)
            return false;
        segment = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

bool static_path(slice path, char out[STATIC_PATH_LEN_MAX + sizeof(STATIC_INDEX)])
{
    size_t len;
    if (path.len == 0 || path.data[0] != '/' || path.len > STATIC_PATH_LEN_MAX ||
        !http_percent_decode((slice){path.data + 1, path.len - 1}, out, &len) ||
        memchr(out, '\0', len) != NULL || memchr(out, '\\', len) != NULL)
        return false;
    out[len] = '\0';
    if (!stays_inside(out))
        return false;
    if (len == 0 || out[len - 1] == '/')
        memcpy(out + len, STATIC_INDEX, sizeof(STATIC_INDEX));
    return true;
}
