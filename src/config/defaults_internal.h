/* SPDX-License-Identifier: MIT */
/* What everything is when the configuration says nothing. */
#ifndef CONFIG_DEFAULTS_INTERNAL_H
#define CONFIG_DEFAULTS_INTERNAL_H

#include "config/model.h"

extern const struct config_main default_main;
extern const struct config_tenant default_tenant;
extern const struct config_settings default_settings;
extern const struct config_listen default_listen;
extern const struct config_upstream default_upstream;
extern const struct config_endpoint default_endpoint;

#endif
