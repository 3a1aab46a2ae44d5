/* SPDX-License-Identifier: MIT */
/* What stands for one server of an upstream: an address, a host name or a Unix socket. */
#include "text/value_internal.h"

static const char *read_unix(struct arena *arena, struct slice folder, struct slice path,
                             struct config_endpoint *endpoint)
{
    struct sockaddr_un *local = &endpoint->address.local;

    if (path.len == 0)
        return "the socket's path is missing behind \"unix:\"";
    if (path.data[0] != '/')
        path = arena_printf(arena, "%.*s/%.*s", SLICE_PRINTF(folder), SLICE_PRINTF(path));
    if (path.len >= sizeof(local->sun_path))
        return "the socket's path is longer than 107 bytes";
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, path.data, path.len);
    endpoint->address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return NULL;
}

const char *value_endpoint(struct arena *arena, struct slice folder, struct slice text,
                           struct config_endpoint *endpoint)
{
    struct address ip;
    const char *trouble;
    struct slice host;
    uint16_t port = endpoint->port ? endpoint->port : 80;
    bool has_port;

    if (slice_starts_with(text, SLICE("unix:"))) {
        endpoint->text = arena_slice(arena, text);
        endpoint->port = 0;
        return read_unix(arena, folder, slice_from(text, 5), endpoint);
    }
    if (text.len == 0)
        return "the address is empty";
    if (value_host_port(text, &host, &port, &has_port) != 0)
        return "it must be HOST, HOST:PORT, [IPV6]:PORT or unix:PATH, with a port from 1 to 65535";
    if (value_ip(host, port, &ip) == 0) {
        trouble = value_zone_trouble(&ip);
        if (trouble)
            return trouble;
        endpoint->address = ip;
    } else if (value_is_host_name(host)) {
        endpoint->host = arena_slice(arena, host);
    } else {
        return "its host is neither an address nor a name";
    }
    endpoint->port = port;
    endpoint->text = arena_slice(arena, text);
    return NULL;
}
