/* SPDX-License-Identifier: MIT */
/* Between who wants a log file opened and the child that opens it. */
#ifndef LOGS_LOG_OPENER_INTERNAL_H
#define LOGS_LOG_OPENER_INTERNAL_H

/* The child, with its channel and the O_PATH handle. Returns its exit status. */
int log_opener_main(int channel, int handle);

/* Its answer on the channel: one datagram, an errno, and with 0 the descriptor. */
void log_opener_answer(int channel, int error, int fd);
/* Returns the descriptor, or -1 with errno; EPROTO for none at all. */
int log_opener_take(int channel);

#endif
