/* SPDX-License-Identifier: MIT */
/* The heap: the least first, whatever is put in and taken out. */
#include "base/heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define NODES 2000

Test(heap, empties_in_order)
{
    static struct heap_node nodes[NODES];
    struct heap heap = {NULL};
    double last = -1;

    srand(7);
    for (unsigned i = 0; i < NODES; i++)
        heap_push(&heap, &nodes[i], rand() % 500);
    for (unsigned i = 0; i < NODES; i++) {
        struct heap_node *first = heap_first(&heap);
        cr_assert_geq(first->key, last);
        last = first->key;
        heap_remove(&heap, first);
        cr_assert_not(first->is_in);
    }
    cr_assert_null(heap_first(&heap));
}

static double least_of(const struct heap_node *nodes)
{
    double least = 1e9;

    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].is_in && nodes[i].key < least)
            least = nodes[i].key;
    return least;
}

Test(heap, any_node_may_leave_and_come_again)
{
    static struct heap_node nodes[NODES];
    struct heap heap = {NULL};
    unsigned in = 0;

    srand(11);
    for (unsigned step = 0; step < 20 * NODES; step++) {
        struct heap_node *node = &nodes[rand() % NODES];
        if (node->is_in) {
            heap_remove(&heap, node);
            in--;
        } else {
            heap_push(&heap, node, rand() % 100000);
            in++;
        }
        if (step % 97 == 0 && in > 0)
            cr_assert_eq(heap_first(&heap)->key, least_of(nodes));
    }
    heap_remove(&heap, heap_first(&heap));
    for (unsigned left = in - 1; left > 0; left--)
        heap_remove(&heap, heap_first(&heap));
    cr_assert_null(heap_first(&heap));
}

Test(heap, one_that_is_not_there_is_not_removed)
{
    struct heap heap = {NULL};
    struct heap_node one = {0}, other = {0};

    heap_remove(&heap, &one);
    heap_push(&heap, &other, 1);
    heap_remove(&heap, &one);
    cr_assert_eq(heap_first(&heap), &other);
}
