/* SPDX-License-Identifier: MIT */
/* Which server a host is for: sorted tables, searched in nginx's order. */
#include "tenant_internal.h"

#include <stdlib.h>

struct name_entry {
    struct slice text; /* config's */
    struct tenant_server *server;
    uint32_t order; /* the first server that claims a name has it, as in nginx */
};

struct name_table {
    struct name_entry *entries; /* sorted by text, each text once */
    uint32_t count;
    size_t longest; /* bytes of the longest text: longer parts of a host need no search */
};

struct name_regex {
    struct tenant_regex *regex;
    struct tenant_server *server;
};

struct tenant_names {
    struct name_table exact;
    struct name_table leading;  /* ".acme.test" of *.acme.test */
    struct name_table trailing; /* "www." of www.* */
    struct name_regex *regexes; /* in the file's order */
    uint32_t regex_count;
};

static int entry_compare(const void *left, const void *right)
{
    const struct name_entry *a = left, *b = right;
    int order = slice_compare(a->text, b->text);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static void table_add(struct name_table *table, struct slice text, struct tenant_server *server)
{
    table->entries[table->count] = (struct name_entry){text, server, table->count};
    table->count++;
}

static void table_seal(struct name_table *table)
{
    uint32_t kept = 0;
    if (table->count > 0)
        qsort(table->entries, table->count, sizeof(*table->entries), entry_compare);
    for (uint32_t i = 0; i < table->count; i++) {
        if (kept > 0 && slice_equal(table->entries[kept - 1].text, table->entries[i].text))
            continue;
        table->entries[kept++] = table->entries[i];
        if (table->entries[i].text.len > table->longest)
            table->longest = table->entries[i].text.len;
    }
    table->count = kept;
}

static struct tenant_server *table_find(const struct name_table *table, struct slice text)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = slice_compare(text, table->entries[middle].text);
        if (order == 0)
            return table->entries[middle].server;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct counts {
    uint32_t exact, leading, trailing, regexes;
};

static void count_names(const struct config_server *server, struct counts *counts)
{
    for (uint32_t i = 0; i < server->name_count; i++) {
        enum config_name_kind kind = server->names[i].kind;
        counts->exact += kind == NAME_EXACT || kind == NAME_DOT;
        counts->leading += kind == NAME_LEADING || kind == NAME_DOT;
        counts->trailing += kind == NAME_TRAILING;
        counts->regexes += kind == NAME_REGEX;
    }
}

static void add_name(struct tenant *tenant, struct tenant_names *names,
                     const struct config_name *name, struct tenant_server *server,
                     struct diag_list *diags)
{
    switch (name->kind) {
    case NAME_EXACT:
        table_add(&names->exact, name->text, server);
        break;
    case NAME_DOT:
        table_add(&names->exact, slice_from(name->text, 1), server);
        table_add(&names->leading, name->text, server);
        break;
    case NAME_LEADING:
        table_add(&names->leading, name->text, server);
        break;
    case NAME_TRAILING:
        table_add(&names->trailing, name->text, server);
        break;
    case NAME_REGEX:
        if (!tenant->regexes)
            tenant->regexes = tenant_regexes_new(tenant->config.name);
        struct tenant_regex *regex = tenant_regex_for_name(tenant->regexes, name, diags);
        if (regex)
            names->regexes[names->regex_count++] = (struct name_regex){regex, server};
        break;
    }
}

struct tenant_names *tenant_names_new(struct tenant *tenant, const struct config_listen *listen,
                                      struct diag_list *diags)
{
    if (listen->server_count <= 1)
        return NULL;
    struct arena *arena = &tenant->config.arena;
    struct tenant_names *names = ARENA_NEW(arena, struct tenant_names);
    struct counts counts = {0};
    for (uint32_t i = 0; i < listen->server_count; i++)
        count_names(&tenant->config.servers[listen->servers[i]], &counts);
    names->exact.entries = ARENA_ARRAY(arena, struct name_entry, counts.exact);
    names->leading.entries = ARENA_ARRAY(arena, struct name_entry, counts.leading);
    names->trailing.entries = ARENA_ARRAY(arena, struct name_entry, counts.trailing);
    names->regexes = ARENA_ARRAY(arena, struct name_regex, counts.regexes);

    for (uint32_t i = 0; i < listen->server_count; i++) {
        struct tenant_server *server = &tenant->servers[listen->servers[i]];
        for (uint32_t n = 0; n < server->config->name_count; n++)
            add_name(tenant, names, &server->config->names[n], server, diags);
    }
    table_seal(&names->exact);
    table_seal(&names->leading);
    table_seal(&names->trailing);
    return names;
}

/* "a.b.acme.test" has ".b.acme.test", ".acme.test" and ".test"; the longest goes first. */
static struct tenant_server *find_leading(const struct name_table *table, struct slice host)
{
    if (table->count == 0)
        return NULL;
    size_t i = host.len > table->longest ? host.len - table->longest : 1;
    for (; i < host.len; i++) {
        if (host.data[i] != '.')
            continue;
        struct tenant_server *server = table_find(table, slice_from(host, i));
        if (server)
            return server;
    }
    return NULL;
}

/* "www.acme.test" has "www.acme." and "www."; the longest goes first. */
static struct tenant_server *find_trailing(const struct name_table *table, struct slice host)
{
    if (table->count == 0 || host.len < 2)
        return NULL;
    size_t len = host.len - 1 < table->longest ? host.len - 1 : table->longest;
    for (; len > 0; len--) {
        if (host.data[len - 1] != '.')
            continue;
        struct tenant_server *server = table_find(table, slice_head(host, len));
        if (server)
            return server;
    }
    return NULL;
}

struct tenant_server *tenant_match_server(const struct tenant_listener *listener, struct slice host)
{
    const struct tenant_names *names = listener->names;
    if (!names)
        return NULL;
    struct tenant_server *server = table_find(&names->exact, host);
    if (!server)
        server = find_leading(&names->leading, host);
    if (!server)
        server = find_trailing(&names->trailing, host);
    if (server)
        return server;
    /* No Host, no pattern: `~.*` is not meant for it, as in nginx. */
    for (uint32_t i = 0; host.len > 0 && i < names->regex_count; i++) {
        enum tenant_match match = tenant_regex_match(names->regexes[i].regex, host);
        if (match == MATCH_YES)
            return names->regexes[i].server;
        if (match == MATCH_FAILED)
            break;
    }
    return NULL;
}

struct tenant_server *tenant_find_server(const struct tenant_listener *listener, struct slice host)
{
    struct tenant_server *server = tenant_match_server(listener, host);
    return server ? server : listener->default_server;
}
