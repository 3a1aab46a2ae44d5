/* SPDX-License-Identifier: MIT */
/* The table of paths, and what each answers. */
#include "pages_internal.h"

#include "document_internal.h"

#define TYPE_JSON "application/json"
#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_TEXT "text/plain; charset=utf-8"

/* The process answers: more is not asked. */
static int page_health(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(SLICE("{\"status\": \"ok\"}\n"));
    return 200;
}

/* Whether this gateway should get connections, be it that some tenant is not as it should be. */
static int page_readiness(const struct status *status, struct text **text)
{
    if (strcmp(status->state, "serving") == 0) {
        *text = text_copy(SLICE("{\"ready\": true}\n"));
        return 200;
    }
    if (strcmp(status->state, "starting") == 0)
        *text = text_copy(SLICE("{\"ready\": false, \"reason\": \"starting\"}\n"));
    else if (strcmp(status->state, "ending") == 0)
        *text = text_copy(SLICE("{\"ready\": false, \"reason\": \"ending\"}\n"));
    else
        *text = text_copy(SLICE("{\"ready\": false, \"reason\": \"the status is not known\"}\n"));
    return 503;
}

static int page_status(const struct status *status, struct text **text)
{
    if (status->json) {
        *text = text_ref(status->json);
        return 200;
    }
    *text = text_copy(SLICE("{\"error\": \"the status is not known\"}\n"));
    return 503;
}

static int page_document(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(document_bytes);
    return 200;
}

static int page_unknown(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(
        SLICE("There is nothing here. Known paths:\n/\n/healthz\n/metrics\n/page.json\n/readyz\n"
              "/status.json\n"));
    return 404;
}

static const struct page pages[] = {
    {"/", TYPE_HTML, document_policy, false, page_document, NULL},
    {"/healthz", TYPE_JSON, NULL, false, page_health, NULL},
    {"/metrics", TYPE_TEXT, NULL, false, NULL, feed_metrics},
    {"/page.json", TYPE_JSON, NULL, false, NULL, feed_page},
    {"/readyz", TYPE_JSON, NULL, true, page_readiness, NULL},
    {"/status.json", TYPE_JSON, NULL, true, page_status, NULL},
    {NULL, TYPE_TEXT, NULL, false, page_unknown, NULL},
};

const struct page *pages_find(struct slice path)
{
    const struct page *page = pages;

    while (page->path && !slice_equal(path, slice_of(page->path)))
        page++;
    return page;
}

/* ---- refusals ---- */

static int page_malformed(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(SLICE("This request is malformed, or too large.\n"));
    return 400;
}

static int page_method(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(SLICE("Only GET and HEAD are answered.\n"));
    return 405;
}

static int page_host(const struct status *status, struct text **text)
{
    (void)status;
    *text = text_copy(SLICE("Host is neither an address nor a name that \"observe\" lists.\n"));
    return 421;
}

static const struct page refusals[] = {{NULL, TYPE_TEXT, NULL, false, page_malformed, NULL},
                                       {NULL, TYPE_TEXT, NULL, false, page_method, NULL},
                                       {NULL, TYPE_TEXT, NULL, false, page_host, NULL}};

const struct page *pages_refusal(int status)
{
    return &refusals[status == 421 ? 2 : status == 405 ? 1 : 0];
}
