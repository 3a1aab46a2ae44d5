/* SPDX-License-Identifier: MIT */
/* The end of a descriptor. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

/* close(2), unless it is -1; errno stays. Returns -1: for the variable that held it, or for who
 * returns that with the errno of what has failed. */
int descriptor_close(int fd);

#endif
