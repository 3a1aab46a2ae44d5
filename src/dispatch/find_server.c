/* SPDX-License-Identifier: MIT */
/* Which server a request is for, and whether it may be asked over this connection. */
#include "dispatch_internal.h"

static bool has_pair(const struct config_server *server, const struct config_certificate *pair)
{
    for (uint32_t i = 0; i < server->certificate_count; i++) {
        const struct config_certificate *own = &server->certificates[i];
        if (slice_equal(own->certificate, pair->certificate) && slice_equal(own->key, pair->key))
            return true;
    }
    return false;
}

static bool covers(const struct config_server *server, const struct config_server *other)
{
    for (uint32_t i = 0; i < other->certificate_count; i++)
        if (!has_pair(server, &other->certificates[i]))
            return false;
    return true;
}

/* Server names of the handshake may come in any case and with a final dot. */
static struct slice canonical_host(struct arena *arena, struct slice name)
{
    if (name.len > 0 && name.data[name.len - 1] == '.')
        name.len--;
    char *lower = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct slice){lower, name.len};
}

/* The server that the client named in the handshake, in today's configuration: so a reload that
 * moves or renews a certificate does not turn kept connections away. NULL: it named none. */
static const struct tenant_server *named_server(const struct dispatch *dispatch,
                                                const struct dispatch_origin *origin)
{
    struct exchange *exchange = dispatch->exchange;
    if (!origin->sent_server_name)
        return NULL;
    return tenant_find_server(origin->listener,
                              canonical_host(&exchange->arena, exchange->client->tls_server_name));
}

/* Whether the handshake asked of the client's certificate what this server asks; a name under which
 * it asked for less must not open what is behind another one. */
static bool is_verified_alike(const struct dispatch *dispatch, const struct dispatch_origin *origin)
{
    const struct tls_verification *own = &dispatch->server->tls.verification;
    return !origin->handshake || tls_verification_equal(&origin->handshake->verification, own);
}

/* Whether the host belongs to a server with other certificates than the server that the client
 * named in the handshake (RFC 9110 section 15.5.20). A host that belongs to no server is the
 * default server's to answer: operators refuse forged hosts there, and 421 would only bring the
 * client back. */
static bool is_misdirected(const struct dispatch *dispatch, const struct dispatch_origin *origin,
                           bool is_matched)
{
    const struct exchange *exchange = dispatch->exchange;
    if (!is_verified_alike(dispatch, origin))
        return true;
    if (!is_matched ||
        slice_equal_nocase(exchange->client->tls_server_name, exchange->request.host))
        return false;
    const struct tenant_server *named = named_server(dispatch, origin);
    if (!named || named == dispatch->server)
        return false;
    const struct config_server *a = named->config;
    const struct config_server *b = dispatch->server->config;
    return !covers(a, b) || !covers(b, a);
}

int find_server(struct dispatch *dispatch, const struct dispatch_origin *origin)
{
    const struct http_request *request = &dispatch->exchange->request;
    const struct tenant_server *matched = tenant_match_server(origin->listener, request->host);
    /* As in nginx: not the handshake's server. */
    dispatch->server = matched ? matched : origin->listener->default_server;
    dispatch->settings = dispatch->server->config->settings;
    dispatch->path = request->path;
    if (is_misdirected(dispatch, origin, matched))
        return ERROR_MISDIRECTED;
    if (dispatch->exchange->client->tls_client_error)
        return dispatch->exchange->client->tls_client_error;
    return http_path_normalize(&dispatch->exchange->arena, request->path, &dispatch->path);
}

void find_named_server(struct dispatch *dispatch, const struct dispatch_origin *origin)
{
    const struct tenant_server *named = named_server(dispatch, origin);
    dispatch->server = named ? named : origin->listener->default_server;
    dispatch->settings = dispatch->server->config->settings;
    dispatch->path = dispatch->exchange->request.path;
}
