/* SPDX-License-Identifier: MIT */
/* A request's way: what stands in each phase, in the order in which it runs. Its response's way is
 * in response_phases.c, since a feature of this way may reply. */
#include "dispatch_internal.h"

/* A phase without a feature has no row, and costs nothing. */
static const struct {
    enum dispatch_phase phase;
    enum dispatch_verdict (*run)(struct dispatch *dispatch);
} features[] = {
    {PHASE_SERVER_REWRITE, return_of_server},
    {PHASE_FIND_LOCATION, redirect_to_slash},
    {PHASE_FIND_LOCATION, find_location},
    {PHASE_REWRITE, return_of_location},
    {PHASE_LIMITS, limit_req},
    {PHASE_LIMITS, limit_conn},
    {PHASE_CONTENT, proxy_start},
};
#define FEATURE_COUNT (sizeof(features) / sizeof(*features))

void phases_run_request(struct dispatch *dispatch)
{
    enum dispatch_verdict verdict = DISPATCH_CONTINUE;
    while (verdict == DISPATCH_CONTINUE && dispatch->feature < FEATURE_COUNT)
        verdict = features[dispatch->feature++].run(dispatch);
}
