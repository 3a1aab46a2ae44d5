/* SPDX-License-Identifier: MIT */
/* Preloaded into nsgate by the hot-path tests: counts the allocations that do not come from
 * OpenSSL or nghttp2, in a file that the test maps. nghttp2 is given the gateway's allocator: its
 * own are those whose caller's caller was called by it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static uint64_t own = 0, *counter = &own;
static struct range {
    uintptr_t start, end;
} foreign[8];
static int ranges;

static int is_foreign(const char *name)
{
    return strstr(name, "libcrypto") || strstr(name, "libssl") || strstr(name, "libnghttp2");
}

static int note(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    if (!is_foreign(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) && ranges < 8) {
            foreign[ranges].start = info->dlpi_addr + part->p_vaddr;
            foreign[ranges++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
        }
    }
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    dl_iterate_phdr(note, NULL);
    const char *folder = getenv("NSGATE_ALLOCATIONS");
    if (!folder)
        return;
    char path[4096];
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *counter) != 0)
        return;
    void *map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        counter = map;
    close(fd);
}

static int is_in_foreign(uintptr_t place)
{
    for (int i = 0; i < ranges; i++)
        if (place >= foreign[i].start && place < foreign[i].end)
            return 1;
    return 0;
}

/* count, malloc, its caller (memory_alloc), that one's (the gateway's allocator), nghttp2. */
#define DEPTH 5

struct walk {
    uintptr_t places[DEPTH];
    int count;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *data)
{
    struct walk *walk = data;
    walk->places[walk->count++] = _Unwind_GetIP(context);
    return walk->count < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static __attribute__((noinline)) void count(void *caller)
{
    static __thread int is_walking;
    struct walk walk = {.count = 0};
    if (is_walking || is_in_foreign((uintptr_t)caller))
        return;
    is_walking = 1;
    _Unwind_Backtrace(step, &walk);
    is_walking = 0;
    if (walk.count < DEPTH || !is_in_foreign(walk.places[DEPTH - 1]))
        ++*counter;
}

void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(old, size);
}
