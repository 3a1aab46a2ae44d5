/* SPDX-License-Identifier: MIT */
/* The pairing heap: each node's key is at most those of its children. */
#include "base/heap.h"

#include <assert.h>
#include <stddef.h>

/* Of two roots one becomes the other's first child; of equal ones the second. */
static struct heap_node *heap_meld(struct heap_node *a, struct heap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->key < a->key) {
        struct heap_node *least = b;
        b = a;
        a = least;
    }
    b->back = a;
    b->next = a->child;
    if (b->next)
        b->next->back = b;
    a->child = b;
    return a;
}

/* Siblings become one heap: pairs from the left, then all pairs from the right. */
static struct heap_node *heap_meld_all(struct heap_node *first)
{
    struct heap_node *pairs = NULL;
    while (first) {
        struct heap_node *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->back = NULL;
        if (b)
            b->next = b->back = NULL;
        struct heap_node *pair = heap_meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct heap_node *all = NULL;
    while (pairs) {
        struct heap_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        all = heap_meld(pair, all);
    }
    return all;
}

void heap_push(struct heap *heap, struct heap_node *node, double key)
{
    assert(!node->is_in);
    *node = (struct heap_node){.key = key, .is_in = true};
    heap->root = heap_meld(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->is_in)
        return;
    struct heap_node *children = heap_meld_all(node->child);
    if (node == heap->root) {
        heap->root = children;
    } else {
        if (node->back->child == node)
            node->back->child = node->next;
        else
            node->back->next = node->next;
        if (node->next)
            node->next->back = node->back;
        heap->root = heap_meld(heap->root, children);
    }
    node->child = node->next = node->back = NULL;
    node->is_in = false;
}
