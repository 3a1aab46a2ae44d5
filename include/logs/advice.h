/* SPDX-License-Identifier: MIT */
/* What an operator can do about a log file that cannot be opened. */
#ifndef LOGS_ADVICE_H
#define LOGS_ADVICE_H

#define LOG_ADVICE 512 /* bytes of a text, its end included */

/* Looks at the file's path as it is now. Empty, if the reason of the failure says it all; else
 * " (...)", to stand behind it. */
void log_advice(const char *path, char text[LOG_ADVICE]);

#endif
