/* SPDX-License-Identifier: MIT */
/* Preloaded into nsgate by the memory tests: how many bytes of the heap are in use, in a file that
 * the test maps. Unlike the resident size it does not depend on what malloc(3) keeps. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *memory);

static uint64_t own, *counter = &own;

__attribute__((constructor)) static void start(void)
{
    const char *folder = getenv("NSGATE_LIVE");
    char path[4096];
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *counter) != 0)
        return;
    uint64_t *map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return;
    *map = own;
    counter = map;
}

static void *count(void *memory)
{
    *counter += memory ? malloc_usable_size(memory) + sizeof(size_t) : 0;
    return memory;
}

static void uncount(void *memory)
{
    *counter -= memory ? malloc_usable_size(memory) + sizeof(size_t) : 0;
}

void *malloc(size_t size)
{
    return count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
    return count(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
    uncount(old);
    return count(__libc_realloc(old, size));
}

void free(void *memory)
{
    uncount(memory);
    __libc_free(memory);
}
