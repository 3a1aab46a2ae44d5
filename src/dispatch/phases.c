/* SPDX-License-Identifier: MIT */
/* A request's way: what stands in each phase, in the order in which it runs. */
#include "dispatch_internal.h"

struct dispatch_feature {
    enum dispatch_phase phase;
    enum dispatch_verdict (*run)(struct dispatch *dispatch);
};

/* A phase without a feature has no row, and costs nothing. */
static const struct dispatch_feature features[] = {
    {PHASE_SERVER_REWRITE, return_of_server},
    {PHASE_FIND_LOCATION, redirect_to_slash},
    {PHASE_FIND_LOCATION, find_location},
    {PHASE_REWRITE, return_of_location},
    {PHASE_CONTENT, proxy_start},
    {PHASE_RESPONSE_HEADERS, headers_filter},
    {PHASE_RESPONSE_HEADERS, headers_add},
    {PHASE_LOG, report_close},
};
#define FEATURE_COUNT (sizeof(features) / sizeof(*features))

void phases_run_request(struct dispatch *dispatch)
{
    enum dispatch_verdict verdict = DISPATCH_CONTINUE;
    while (verdict == DISPATCH_CONTINUE && features[dispatch->feature].phase <= PHASE_CONTENT)
        verdict = features[dispatch->feature++].run(dispatch);
}

enum dispatch_verdict phases_run(struct dispatch *dispatch, enum dispatch_phase phase)
{
    enum dispatch_verdict verdict = DISPATCH_CONTINUE;
    for (unsigned i = 0; i < FEATURE_COUNT && verdict == DISPATCH_CONTINUE; i++)
        if (features[i].phase == phase)
            verdict = features[i].run(dispatch);
    return verdict;
}
