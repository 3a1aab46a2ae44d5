/* SPDX-License-Identifier: MIT */
/* Frames by hand, and the reading of what comes back. */
#include "raw.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void raw_begin(struct raw *raw, enum h2_role role, const struct h2_settings *settings,
               struct chain_pool *pool)
{
    memset(raw, 0, sizeof(*raw));
    end_open(&raw->end, role, settings, pool);
    chain_init(&raw->bytes, pool);
    cr_assert_eq(nghttp2_hd_deflate_new(&raw->deflater, 4096), 0);
    cr_assert_eq(nghttp2_hd_inflate_new(&raw->inflater), 0);
    if (role == H2_SERVER)
        raw_bytes(raw, preface, sizeof(preface) - 1);
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    raw_send(raw);
}

void raw_open(struct raw *raw, enum h2_role role, const struct h2_settings *settings,
              struct chain_pool *pool)
{
    raw_begin(raw, role, settings, pool);
    raw_frame(raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    raw_send(raw);
    cr_assert_eq(raw->end.verdict, H2_OPEN);
}

void raw_close(struct raw *raw)
{
    end_close(&raw->end);
    chain_clear(&raw->bytes);
    nghttp2_hd_deflate_del(raw->deflater);
    nghttp2_hd_inflate_del(raw->inflater);
}

void raw_bytes(struct raw *raw, const void *data, size_t len)
{
    chain_append(&raw->bytes, data, len);
}

void raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t id, const void *payload,
               size_t len)
{
    uint8_t header[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    raw_bytes(raw, header, sizeof(header));
    if (len > 0)
        raw_bytes(raw, payload, len);
}

void raw_frame_u32(struct raw *raw, uint8_t type, int32_t id, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    raw_frame(raw, type, 0, id, bytes, sizeof(bytes));
}

void raw_headers(struct raw *raw, uint8_t flags, int32_t id, ...)
{
    nghttp2_nv nv[300];
    uint8_t block[16384];
    size_t count = 0;
    va_list arguments;
    va_start(arguments, id);
    for (;;) {
        const char *name = va_arg(arguments, const char *);
        if (name == NULL)
            break;
        const char *value = va_arg(arguments, const char *);
        nv[count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                                   strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
    }
    va_end(arguments);
    ssize_t len = nghttp2_hd_deflate_hd(raw->deflater, block, sizeof(block), nv, count);
    cr_assert_geq(len, 0);
    raw_frame(raw, NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, id, block, (size_t)len);
}

void raw_get(struct raw *raw, int32_t id)
{
    raw_headers(raw, NGHTTP2_FLAG_END_STREAM, id, ":method", "GET", ":scheme", "https",
                ":authority", "example.test", ":path", "/", NULL);
}

void raw_post(struct raw *raw, int32_t id)
{
    raw_headers(raw, 0, id, ":method", "POST", ":scheme", "https", ":authority", "example.test",
                ":path", "/", NULL);
}

static void read_head(struct raw *raw, const uint8_t *block, size_t len)
{
    size_t used = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t step = nghttp2_hd_inflate_hd2(raw->inflater, &nv, &flags, block, len, 1);
        cr_assert_geq(step, 0);
        block += step;
        len -= (size_t)step;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            used += (size_t)snprintf(raw->head + used, sizeof(raw->head) - used, "%s: %s\n",
                                     (const char *)nv.name, (const char *)nv.value);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(raw->inflater);
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void read_frame(struct raw *raw, const uint8_t *frame, size_t len)
{
    uint8_t type = frame[3];
    uint32_t id = u32(frame + 5) & 0x7fffffff;
    const uint8_t *payload = frame + 9;
    cr_assert_lt(id, RAW_STREAMS);
    raw->frames[type]++;
    if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && frame[4] & NGHTTP2_FLAG_END_STREAM)
        raw->is_ended[id] = true;
    if (type == NGHTTP2_DATA)
        raw->data_bytes += (unsigned)len;
    if (type == NGHTTP2_HEADERS)
        read_head(raw, payload, len);
    if (type == NGHTTP2_RST_STREAM) {
        raw->is_reset[id] = true;
        raw->reset_code[id] = u32(payload);
        raw->resets += raw->goaways == 0;
    }
    if (type == NGHTTP2_GOAWAY) {
        raw->goaway_last = u32(payload);
        raw->goaway_code = u32(payload + 4);
        raw->goaways += raw->goaway_code != 0;
    }
}

static void read_output(struct raw *raw)
{
    static const size_t magic = sizeof(preface) - 1;
    static uint8_t bytes[1 << 21];
    size_t at = 0;
    while (h2_write(raw->end.session, &raw->end.out, sizeof(bytes) - 65536)) {
        if (raw->end.out.len >= sizeof(bytes) - 65536)
            break;
    }
    size_t len = raw->end.out.len;
    cr_assert_leq(len, sizeof(bytes));
    chain_peek(&raw->end.out, 0, bytes, len);
    chain_clear(&raw->end.out);
    if (len >= magic && memcmp(bytes, preface, magic) == 0)
        at = magic;
    while (at < len) {
        size_t payload = (size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2];
        cr_assert_leq(at + 9 + payload, len, "frames are written whole");
        read_frame(raw, bytes + at, payload);
        at += 9 + payload;
    }
}

void raw_send_only(struct raw *raw)
{
    raw->end.verdict = h2_receive(raw->end.session, &raw->bytes, raw->end.now);
}

void raw_send(struct raw *raw)
{
    raw_send_only(raw);
    read_output(raw);
}
