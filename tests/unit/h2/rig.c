/* SPDX-License-Identifier: MIT */
/* Frames by hand, and the reading of what comes back. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

struct chain_pool pool;
struct rig rig;
struct end client, server;

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void rig_begin(enum h2_role role, const struct h2_settings *settings)
{
    memset(&rig, 0, sizeof(rig));
    end_open(&rig.end, role, settings, &pool);
    chain_init(&rig.bytes, &pool);
    cr_assert_eq(nghttp2_hd_deflate_new(&rig.deflater, 4096), 0);
    cr_assert_eq(nghttp2_hd_inflate_new(&rig.inflater), 0);
    if (role == H2_SERVER)
        rig_bytes(preface, sizeof(preface) - 1);
    rig_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    rig_send();
}

void rig_open(enum h2_role role, const struct h2_settings *settings)
{
    rig_begin(role, settings);
    rig_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    rig_send();
    cr_assert_eq(rig.end.verdict, H2_OPEN);
}

void rig_close(void)
{
    end_close(&rig.end);
    chain_clear(&rig.bytes);
    nghttp2_hd_deflate_del(rig.deflater);
    nghttp2_hd_inflate_del(rig.inflater);
}

void rig_bytes(const void *data, size_t len)
{
    chain_append(&rig.bytes, data, len);
}

void rig_frame(uint8_t type, uint8_t flags, int32_t id, const void *payload, size_t len)
{
    uint8_t header[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    rig_bytes(header, sizeof(header));
    if (len > 0)
        rig_bytes(payload, len);
}

void rig_frame_u32(uint8_t type, int32_t id, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    rig_frame(type, 0, id, bytes, sizeof(bytes));
}

void rig_headers(uint8_t flags, int32_t id, ...)
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
    ssize_t len = nghttp2_hd_deflate_hd(rig.deflater, block, sizeof(block), nv, count);
    cr_assert_geq(len, 0);
    rig_frame(NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, id, block, (size_t)len);
}

void rig_get(int32_t id)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, id, ":method", "GET", ":scheme", "https", ":authority",
                "example.test", ":path", "/", NULL);
}

void rig_post(int32_t id)
{
    rig_headers(0, id, ":method", "POST", ":scheme", "https", ":authority", "example.test", ":path",
                "/", NULL);
}

static void read_head(const uint8_t *block, size_t len)
{
    size_t used = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t step = nghttp2_hd_inflate_hd2(rig.inflater, &nv, &flags, block, len, 1);
        cr_assert_geq(step, 0);
        block += step;
        len -= (size_t)step;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            used += (size_t)snprintf(rig.head + used, sizeof(rig.head) - used, "%s: %s\n",
                                     (const char *)nv.name, (const char *)nv.value);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(rig.inflater);
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void read_frame(const uint8_t *frame, size_t len)
{
    uint8_t type = frame[3];
    uint32_t id = u32(frame + 5) & 0x7fffffff;
    const uint8_t *payload = frame + 9;
    cr_assert_lt(id, RIG_STREAMS);
    rig.frames[type]++;
    if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && frame[4] & NGHTTP2_FLAG_END_STREAM)
        rig.is_ended[id] = true;
    if (type == NGHTTP2_DATA)
        rig.data_bytes += (unsigned)len;
    if (type == NGHTTP2_HEADERS)
        read_head(payload, len);
    if (type == NGHTTP2_RST_STREAM) {
        rig.is_reset[id] = true;
        rig.reset_code[id] = u32(payload);
        rig.resets += rig.goaways == 0;
    }
    if (type == NGHTTP2_GOAWAY) {
        rig.goaway_last = u32(payload);
        rig.goaway_code = u32(payload + 4);
        rig.goaways += rig.goaway_code != 0;
    }
}

static void read_output(void)
{
    static const size_t magic = sizeof(preface) - 1;
    static uint8_t bytes[1 << 21];
    size_t at = 0;
    while (h2_write(rig.end.session, &rig.end.out, sizeof(bytes) - 65536)) {
        if (rig.end.out.len >= sizeof(bytes) - 65536)
            break;
    }
    size_t len = rig.end.out.len;
    cr_assert_leq(len, sizeof(bytes));
    chain_peek(&rig.end.out, 0, bytes, len);
    chain_clear(&rig.end.out);
    if (len >= magic && memcmp(bytes, preface, magic) == 0)
        at = magic;
    while (at < len) {
        size_t payload = (size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2];
        cr_assert_leq(at + 9 + payload, len, "frames are written whole");
        read_frame(bytes + at, payload);
        at += 9 + payload;
    }
}

void rig_send_only(void)
{
    rig.end.verdict = h2_receive(rig.end.session, &rig.bytes, H2_ALL, rig.end.now);
}

void rig_send(void)
{
    rig_send_only();
    read_output();
}

void rig_start_server(void)
{
    chain_pool_init(&pool);
    rig_open(H2_SERVER, NULL);
}

void rig_start_client(void)
{
    chain_pool_init(&pool);
    rig_open(H2_CLIENT, NULL);
}

struct message *rig_ask(const char *method, int32_t id)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, id, ":method", method, ":scheme", "https", ":authority",
                "a.test", ":path", "/", NULL);
    rig_send();
    return end_message(&rig.end, 0);
}

void rig_send_status(struct message *message, int status, int64_t length)
{
    struct http_response response = {
        .status = status, .content_length = length, .has_body = status == 200};
    http_fields_init(&response.fields, &message->arena);
    message->to_send = length > 0 && status == 200 ? (uint64_t)length : 0;
    h2_send_response(message->stream, &response, false, 784111777);
    rig_send();
}

void rig_add(struct http_fields *fields, const char *name, const char *value)
{
    http_fields_add(fields, slice_of(name), slice_of(value));
}

bool rig_has_line(const char *line)
{
    const char *at = strstr(rig.head, line);
    return at != NULL && (at == rig.head || at[-1] == '\n');
}

static void free_pool(void)
{
    chain_pool_free(&pool);
    cr_assert_eq(pool.held, 0, "%zu bytes of buffers were not given back", pool.held);
}

void rig_stop(void)
{
    rig_close();
    free_pool();
}

void rig_start_pair(void)
{
    chain_pool_init(&pool);
    end_open(&client, H2_CLIENT, NULL, &pool);
    end_open(&server, H2_SERVER, NULL, &pool);
}

void rig_stop_pair(void)
{
    cr_assert_not(client.is_corrupted);
    cr_assert_not(server.is_corrupted);
    end_close(&client);
    end_close(&server);
    free_pool();
}
