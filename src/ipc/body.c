/* SPDX-License-Identifier: MIT */
/* How the bodies of messages lie in their bytes: field after field, each as its type does. */
#include "ipc/body.h"

#include "base/memory.h"

#include <limits.h>
#include <math.h>

/* ---- fields ---- */

static void put_errno(struct wire_writer *writer, int value)
{
    wire_put_u32(writer, (uint32_t)value);
}

static void put_family(struct wire_writer *writer, sa_family_t value)
{
    wire_put_u8(writer, value == AF_INET6 ? 6 : 4);
}

void ipc_put_identity(struct wire_writer *writer, struct cage_identity value)
{
    wire_put_bool(writer, value.keep);
    wire_put_u32(writer, value.user);
    wire_put_u32(writer, value.group);
    wire_put_u32(writer, value.group_count);
    for (uint32_t i = 0; i < value.group_count; i++)
        wire_put_u32(writer, value.groups[i]);
    wire_put_u8(writer, value.sandbox);
}

static void get_u8(struct wire_reader *reader, uint8_t *value)
{
    *value = wire_get_u8(reader);
}

static void get_u32(struct wire_reader *reader, uint32_t *value)
{
    *value = wire_get_u32(reader);
}

static void get_u64(struct wire_reader *reader, uint64_t *value)
{
    *value = wire_get_u64(reader);
}

static void get_slice(struct wire_reader *reader, struct slice *value)
{
    *value = wire_get_slice(reader);
}

static void get_bool(struct wire_reader *reader, bool *value)
{
    *value = wire_get_bool(reader);
}

static void get_errno(struct wire_reader *reader, int *value)
{
    uint32_t number = wire_get_u32(reader);

    wire_require(reader, number <= INT_MAX);
    *value = reader->failed ? 0 : (int)number;
}

static void get_family(struct wire_reader *reader, sa_family_t *value)
{
    uint8_t number = wire_get_u8(reader);

    wire_require(reader, number == 4 || number == 6);
    *value = number == 6 ? AF_INET6 : AF_INET;
}

void ipc_get_identity(struct wire_reader *reader, struct cage_identity *value)
{
    get_bool(reader, &value->keep);
    value->user = wire_get_u32(reader);
    value->group = wire_get_u32(reader);
    value->group_count = wire_get_count(reader, sizeof(value->groups[0]));
    wire_require(reader, value->group_count <= CAGE_GROUPS_MAX);
    if (reader->failed)
        value->group_count = 0;
    for (uint32_t i = 0; i < value->group_count; i++)
        value->groups[i] = wire_get_u32(reader);
    value->sandbox = wire_get_u8(reader);
    reader->failed = reader->failed || value->sandbox > SANDBOX_ON;
}

/* ---- cells ---- */

static void put_fingerprint(struct wire_writer *writer, struct fingerprint value)
{
    wire_put_u64(writer, value.low);
    wire_put_u64(writer, value.high);
}

static void put_key(struct wire_writer *writer, const unsigned char key[FINGERPRINT_KEY])
{
    wire_put_slice(writer, (struct slice){(const char *)key, FINGERPRINT_KEY});
}

void ipc_put_cells(struct wire_writer *writer, const struct cells *cells)
{
    wire_put_u32(writer, cells->count);
    for (uint32_t i = 0; i < cells->count; i++) {
        const struct cells_region *region = &cells->regions[i];

        wire_put_u8(writer, (uint8_t)region->kind);
        put_fingerprint(writer, region->id);
        wire_put_u64(writer, region->offset);
        wire_put_u64(writer, region->size);
        put_key(writer, region->key);
    }
}

/* The bytes that a region takes. */
#define REGION_SIZE (1 + 16 + 8 + 8 + 4 + FINGERPRINT_KEY)

static void get_region(struct wire_reader *reader, struct cells_region *region)
{
    uint8_t kind = wire_get_u8(reader);
    struct slice key;

    region->kind = (enum cells_kind)kind;
    region->id.low = wire_get_u64(reader);
    region->id.high = wire_get_u64(reader);
    region->offset = wire_get_u64(reader);
    region->size = wire_get_u64(reader);
    key = wire_get_slice(reader);
    wire_require(reader, kind <= CELLS_RATES && key.len == sizeof(region->key));
    if (!reader->failed)
        memcpy(region->key, key.data, key.len);
}

void ipc_get_cells(struct wire_reader *reader, struct cells *cells)
{
    uint32_t count = wire_get_count(reader, REGION_SIZE);

    cells_init(cells);
    if (count == 0)
        return;
    cells->regions = memory_zeroed(count, sizeof(cells->regions[0]));
    while (cells->count < count && !reader->failed)
        get_region(reader, &cells->regions[cells->count++]);
    wire_require(reader, reader->failed || cells_regions_are_valid(cells->regions, cells->count));
}

/* ---- places of lines ---- */

static void put_address(struct wire_writer *writer, struct address value)
{
    wire_put_slice(writer, (struct slice){(const char *)&value.any, value.len});
    wire_put_slice(writer, slice_of(address_zone(&value)));
}

static bool address_is_local(struct slice bytes, struct address *value)
{
    if (bytes.len <= sizeof(sa_family_t) || bytes.len > sizeof(value->local))
        return false;
    memcpy(&value->local, bytes.data, bytes.len);
    value->len = (socklen_t)bytes.len;
    return value->any.sa_family == AF_UNIX;
}

static void get_address(struct wire_reader *reader, struct address *value)
{
    struct slice bytes = wire_get_slice(reader);
    struct slice zone = wire_get_plain(reader);
    bool is_whole = address_get(value, bytes);
    bool is_zoned = is_whole && value->any.sa_family == AF_INET6;

    if (!is_whole)
        *value = (struct address){0};
    wire_require(reader, is_whole || bytes.len == 0 || address_is_local(bytes, value));
    wire_require(reader, zone.len == 0 || (is_zoned && zone.len < IF_NAMESIZE));
    if (zone.len > 0 && !reader->failed)
        memcpy(value->zoned.zone, zone.data, zone.len);
}

void ipc_put_log_place(struct wire_writer *writer, struct ipc_log_place value)
{
    wire_put_u8(writer, value.kind);
    wire_put_slice(writer, value.identity);
    put_address(writer, value.server);
    wire_put_u32(writer, value.priority);
    wire_put_slice(writer, value.tag);
    wire_put_bool(writer, value.has_hostname);
}

void ipc_get_log_place(struct wire_reader *reader, struct ipc_log_place *value)
{
    value->kind = wire_get_u8(reader);
    value->identity = wire_get_plain(reader);
    get_address(reader, &value->server);
    value->priority = wire_get_u32(reader);
    value->tag = wire_get_plain(reader);
    value->has_hostname = wire_get_bool(reader);
}

/* clang-format off */
#define PUT(field)                                                                                 \
    _Generic(body->field,                                                                          \
        bool: wire_put_bool,                                                                       \
        uint8_t: wire_put_u8,                                                                      \
        uint32_t: wire_put_u32,                                                                    \
        uint64_t: wire_put_u64,                                                                    \
        int: put_errno,                                                                            \
        sa_family_t: put_family,                                                                   \
        struct slice: wire_put_slice,                                                              \
        struct ipc_log_place: ipc_put_log_place,                                                              \
        struct cage_identity: ipc_put_identity)(writer, body->field);

#define GET(field)                                                                                 \
    _Generic(&body->field,                                                                         \
        bool *: get_bool,                                                                          \
        uint8_t *: get_u8,                                                                         \
        uint32_t *: get_u32,                                                                       \
        uint64_t *: get_u64,                                                                       \
        int *: get_errno,                                                                          \
        sa_family_t *: get_family,                                                                 \
        struct slice *: get_slice,                                                                 \
        struct ipc_log_place *: ipc_get_log_place,                                                                 \
        struct cage_identity *: ipc_get_identity)(reader, &body->field);

/* ---- bodies: their fields in the order in which they are sent ---- */

#define BODY_setup(F)            F(index) F(column) F(log_level) F(log_sink) F(identity)
#define BODY_ready(F)            F(sandbox) F(landlock)
#define BODY_log(F)              F(level) F(sink)
#define BODY_serial(F)           F(serial)
#define BODY_examined(F)         F(serial) F(usable) F(outdated) F(unresolved)
#define BODY_tenant(F)           F(serial) F(name) F(slot) F(figures) F(ticket_keys) F(cells) F(logs)
#define BODY_tenant_remove(F)    F(serial) F(name) F(has_moved)
#define BODY_listener(F)         F(serial) F(tenant) F(address) F(inode)
#define BODY_lacked(F)           F(serial) F(address) F(error)
#define BODY_listener_close(F)   F(tenant) F(address) F(inode) F(limit)
#define BODY_listener_dead(F)    F(tenant) F(address) F(error)
#define BODY_drain(F)            F(limit) F(when_alone)
#define BODY_sockets_ask(F)      F(tenant) F(netns) F(family)
#define BODY_sockets(F)          F(tenant) F(netns) F(family) F(error)
#define BODY_sockets_stale(F)    F(tenant) F(netns) F(limit)
#define BODY_container_name(F)   F(name)
#define BODY_container_socket(F) F(error) F(path)
#define BODY_container(F)        F(name) F(pid) F(sandbox) F(reason)
#define BODY_observe(F)          F(address) F(names)
#define BODY_status(F)           F(error)
#define BODY_figures(F)          F(source)
#define BODY_ring(F)             F(number)
#define BODY_dropped(F)          F(count)
#define BODY_destination(F)      F(number) F(place)
#define BODY_destination_close(F) F(number)

#define X(name)                                                                                    \
    void ipc_put_##name(struct wire_writer *writer, const struct ipc_##name *body)                 \
    {                                                                                              \
        BODY_##name(PUT)                                                                           \
    }                                                                                              \
                                                                                                   \
    int ipc_get_##name(struct wire_reader *reader, struct ipc_##name *body)                        \
    {                                                                                              \
        BODY_##name(GET)                                                                           \
        return wire_finish(reader);                                                                \
    }                                                                                              \
                                                                                                   \
    void ipc_send_##name(struct ipc_channel *channel, enum ipc_message message,                    \
                         const struct ipc_##name *body, const struct ipc_attachments *attachments) \
    {                                                                                              \
        struct wire_writer writer;                                                                 \
                                                                                                   \
        wire_writer_init(&writer);                                                                 \
        ipc_put_##name(&writer, body);                                                             \
        ipc_send(channel, message, &writer, attachments);                                          \
        wire_writer_free(&writer);                                                                 \
    }
IPC_BODIES(X)
#undef X

/* clang-format on */

uint64_t ipc_serial_of(const struct ipc_announced *announced)
{
    struct wire_reader body = announced->body;

    return wire_get_u64(&body);
}

uint32_t ipc_milliseconds(double seconds)
{
    return seconds < IPC_NO_LIMIT / 1000. ? (uint32_t)(seconds * 1000.) : IPC_NO_LIMIT;
}

double ipc_seconds(uint32_t milliseconds)
{
    return milliseconds == IPC_NO_LIMIT ? INFINITY : milliseconds / 1000.;
}
