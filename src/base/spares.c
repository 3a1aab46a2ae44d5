/* SPDX-License-Identifier: MIT */
/* Free small objects: a list for each size. */
#include "base/spares.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

/* Objects of one size that are kept: as many as a large burst has at once. */
#define KEPT_MAX 1024

struct spare {
    struct spare *next;
};

static struct spares_class *class_of(struct spares *spares, size_t size)
{
    assert(size > 0 && size <= SPARES_MAX);
    return &spares->classes[(size - 1) / SPARES_STEP];
}

static void drop(struct spares_class *class, unsigned count)
{
    for (; count > 0; count--) {
        struct spare *spare = class->first;
        class->first = spare->next;
        class->count--;
        free(spare);
    }
}

void spares_init(struct spares *spares)
{
    *spares = (struct spares){0};
}

void spares_free(struct spares *spares)
{
    for (unsigned i = 0; i < SPARES_MAX / SPARES_STEP; i++)
        drop(&spares->classes[i], spares->classes[i].count);
}

void *spares_take(struct spares *spares, size_t size)
{
    struct spares_class *class = class_of(spares, size);
    struct spare *spare = class->first;
    if (!spare)
        return memory_alloc((size + SPARES_STEP - 1) / SPARES_STEP * SPARES_STEP);
    class->first = spare->next;
    class->count--;
    if (class->count < class->least)
        class->least = class->count;
    return spare;
}

void spares_give(struct spares *spares, void *object, size_t size)
{
    struct spares_class *class = class_of(spares, size);
    struct spare *spare = object;
    if (class->count == KEPT_MAX) {
        free(object);
        return;
    }
    spare->next = class->first;
    class->first = spare;
    class->count++;
}

void spares_trim(struct spares *spares)
{
    for (unsigned i = 0; i < SPARES_MAX / SPARES_STEP; i++) {
        struct spares_class *class = &spares->classes[i];
        drop(class, class->least);
        class->least = class->count;
    }
}
