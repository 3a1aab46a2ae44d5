/* SPDX-License-Identifier: MIT */
/* A response's way, a server's or our own: what stands in each phase, in the order in which it
 * runs. */
#include "dispatch_internal.h"

static const struct {
    enum dispatch_phase phase;
    enum dispatch_verdict (*run)(struct dispatch *dispatch);
} features[] = {
    {PHASE_RESPONSE_HEADERS, limit_rate},
    {PHASE_RESPONSE_HEADERS, headers_filter},
    {PHASE_RESPONSE_HEADERS, headers_add},
    {PHASE_LOG, access_log},
    {PHASE_LOG, report_close},
};
#define FEATURE_COUNT (sizeof(features) / sizeof(*features))

enum dispatch_verdict phases_run_response(struct dispatch *dispatch, enum dispatch_phase phase)
{
    enum dispatch_verdict verdict = DISPATCH_CONTINUE;
    for (unsigned i = 0; i < FEATURE_COUNT && verdict == DISPATCH_CONTINUE; i++)
        if (features[i].phase == phase)
            verdict = features[i].run(dispatch);
    return verdict;
}
