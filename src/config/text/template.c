/* SPDX-License-Identifier: MIT */
/* Takes texts with $variables apart. */
#include "config/template.h"

#include "base/error.h"
#include "names_internal.h"

static const struct variable_name {
    const char *name;
    enum config_variable variable;
} variables[] = {
#define X(name, text) {text, VARIABLE_##name},
    CONFIG_VARIABLES(X)
#undef X
};

#define VARIABLE_COUNT (sizeof(variables) / sizeof(variables[0]))

/* One piece of a text: a literal run, or a variable's name. */
struct piece {
    struct slice text;
    bool is_variable;
    const char *wrong; /* what is wrong with it, or NULL */
};

/* Cuts the next piece off rest, which is not empty. */
static struct piece next_piece(struct slice *rest)
{
    struct piece piece = {0};
    struct slice text = *rest;
    size_t len;
    bool braced;

    if (text.data[0] != '$') {
        const char *dollar = memchr(text.data, '$', text.len);

        piece.text = slice_head(text, dollar ? (size_t)(dollar - text.data) : text.len);
        *rest = slice_from(text, piece.text.len);
        return piece;
    }
    piece.is_variable = true;
    text = slice_from(text, 1);
    braced = slice_starts_with(text, SLICE("{"));
    if (braced)
        text = slice_from(text, 1);
    len = slice_span(text, SLICE_ALPHANUMERIC "_");
    piece.text = slice_head(text, len);
    text = slice_from(text, len);
    if (braced && slice_starts_with(text, SLICE("}")))
        text = slice_from(text, 1);
    else if (braced)
        piece.wrong = "\"${\" is not closed by \"}\" behind the variable's name";
    if (!piece.wrong && len == 0)
        piece.wrong = "\"$\" is followed by no variable's name";
    *rest = text;
    return piece;
}

static struct slice lower_dashed(struct arena *arena, struct slice name)
{
    char *text = arena_text(arena, name);

    for (size_t i = 0; i < name.len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + ('a' - 'A'));
        else if (text[i] == '_')
            text[i] = '-';
    }
    return (struct slice){text, name.len};
}

static bool has_prefix(struct slice name, struct slice prefix)
{
    return name.len > prefix.len && slice_equal_nocase(slice_head(name, prefix.len), prefix);
}

/* Those that carry the name of what they are of. */
static const struct {
    const char *prefix;
    enum config_variable variable;
    bool is_field;
} families[] = {{"http_", VARIABLE_HTTP, true},
                {"arg_", VARIABLE_ARG, false},
                {"cookie_", VARIABLE_COOKIE, false},
                {"sent_http_", VARIABLE_SENT_HTTP, true},
                {"upstream_http_", VARIABLE_UPSTREAM_HTTP, true}};

/* nginx compares the names of variables without regard to case. Returns false for unknown ones. */
static bool find_variable(struct arena *arena, struct slice name, struct config_part *part)
{
    part->text = (struct slice){NULL, 0};
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        if (slice_equal_nocase(name, slice_of(variables[i].name))) {
            part->variable = variables[i].variable;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        struct slice prefix = slice_of(families[i].prefix);
        struct slice rest = slice_from(name, prefix.len);

        if (!has_prefix(name, prefix))
            continue;
        part->variable = families[i].variable;
        part->text = families[i].is_field ? lower_dashed(arena, rest) : arena_slice(arena, rest);
        return true;
    }
    return false;
}

static void tell_unknown(struct slice name, struct diag_place place, struct diag_list *diags)
{
    struct nearest nearest = {0};

    if (name.data[0] >= '0' && name.data[0] <= '9') {
        diag_error(diags, place,
                   "captures of regular expressions (\"$%.*s\") are not supported yet",
                   SLICE_PRINTF(slice_head(name, 64)));
        return;
    }
    for (size_t i = 0; i < VARIABLE_COUNT; i++)
        nearest_try(&nearest, name, variables[i].name);
    diag_error(diags, place, "unknown variable \"$%.*s\"%s%s%s", SLICE_PRINTF(slice_head(name, 64)),
               nearest.name ? "; did you mean \"$" : "", nearest.name ? nearest.name : "",
               nearest.name ? "\"?" : "");
}

int config_template_parse(struct config_template *template, struct arena *arena, struct slice text,
                          struct diag_place place, struct diag_list *diags)
{
    struct slice rest = text;
    uint32_t count = 0;
    int result = 0;

    *template = (struct config_template){NULL, 0};
    while (rest.len) {
        next_piece(&rest);
        count++;
    }
    if (count == 0)
        return 0;
    template->parts = ARENA_ARRAY(arena, struct config_part, count);
    for (rest = text; rest.len;) {
        struct piece piece = next_piece(&rest);
        struct config_part *part = &template->parts[template->count];

        if (piece.wrong) {
            diag_error(diags, place, "in \"%.*s\": %s", SLICE_PRINTF(slice_head(text, 128)),
                       piece.wrong);
            result = ERROR_CONFIG;
        } else if (!piece.is_variable) {
            *part = (struct config_part){VARIABLE_LITERAL, arena_slice(arena, piece.text)};
            template->count++;
        } else if (find_variable(arena, piece.text, part)) {
            template->count++;
        } else {
            tell_unknown(piece.text, place, diags);
            result = ERROR_CONFIG;
        }
    }
    return result;
}
