/* SPDX-License-Identifier: MIT */
/* Paths: the form that locations are matched against, and back (as nginx has both). */
#include "base/error.h"
#include "http/characters.h"
#include "http/message.h"

/* Whether decoding, merging or resolving could change it. "/.well-known" is looked at closely and
 * then found to be as it was: that costs a copy, not correctness. */
static bool is_normal(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        if (c == '%' || c == '\0')
            return false;
        if (c == '/' && i + 1 < path.len && (path.data[i + 1] == '/' || path.data[i + 1] == '.'))
            return false;
    }
    return true;
}

/* Percent-decodes once, %2F included. Returns the length, or -1 for a malformed sequence or NUL. */
static ptrdiff_t decode(char *out, struct slice path)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        if (c == '%') {
            int high = i + 2 < path.len ? http_hex_digit(path.data[i + 1]) : -1;
            int low = i + 2 < path.len ? http_hex_digit(path.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return -1;
        out[len++] = c;
    }
    return (ptrdiff_t)len;
}

/* Resolves dot segments and merges slashes in place (RFC 3986 section 5.2.4). Returns the length,
 * or -1 when a ".." leaves the root. */
static ptrdiff_t resolve(char *path, size_t len)
{
    size_t out = 1; /* the root's slash stays */
    size_t in = 1;
    while (in < len) {
        const char *slash = memchr(path + in, '/', len - in);
        size_t end = slash ? (size_t)(slash - path) : len;
        size_t segment = end - in;
        if (segment == 2 && path[in] == '.' && path[in + 1] == '.') {
            if (out == 1)
                return -1;
            out--; /* the slash behind the segment that goes */
            while (path[out - 1] != '/')
                out--;
        } else if (segment > 0 && !(segment == 1 && path[in] == '.')) {
            memmove(path + out, path + in, segment);
            out += segment;
            if (slash)
                path[out++] = '/';
        }
        in = end + 1;
    }
    return (ptrdiff_t)out;
}

int http_path_normalize(struct arena *arena, struct slice path, struct slice *normalized)
{
    if (slice_equal(path, SLICE("*"))) {
        *normalized = SLICE("/");
        return 0;
    }
    if (path.len == 0 || path.data[0] != '/')
        return ERROR_TARGET;
    if (is_normal(path)) {
        *normalized = path;
        return 0;
    }
    char *text = arena_alloc(arena, path.len);
    ptrdiff_t len = decode(text, path);
    if (len > 0)
        len = resolve(text, (size_t)len);
    if (len < 0)
        return ERROR_TARGET;
    *normalized = (struct slice){text, (size_t)len};
    return 0;
}

struct slice http_path_encode(struct arena *arena, struct slice decoded)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t extra = 0;
    for (size_t i = 0; i < decoded.len; i++)
        extra += http_char_is(decoded.data[i], HTTP_CHAR_PATH) ? 0 : 2;
    if (extra == 0)
        return decoded;
    char *text = arena_alloc(arena, decoded.len + extra);
    char *at = text;
    for (size_t i = 0; i < decoded.len; i++) {
        uint8_t byte = (uint8_t)decoded.data[i];
        if (http_char_is(decoded.data[i], HTTP_CHAR_PATH)) {
            *at++ = decoded.data[i];
        } else {
            *at++ = '%';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    return (struct slice){text, (size_t)(at - text)};
}
