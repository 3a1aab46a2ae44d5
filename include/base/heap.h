/* SPDX-License-Identifier: MIT */
/* A heap of what is embedded elsewhere, the least key first: a pairing heap, which never allocates.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>

/* Embedded by its owner. Zeroed: in no heap. */
struct heap_node {
    double key;
    struct heap_node *child; /* the first one */
    struct heap_node *next;  /* sibling */
    struct heap_node *back;  /* the sibling before, or the parent of a first child */
    bool is_in;
};

/* Zeroed: empty. */
struct heap {
    struct heap_node *root;
};

/* O(1). The node must be in no heap. */
void heap_push(struct heap *heap, struct heap_node *node, double key);

/* The node with the least key; NULL: empty. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->root;
}

/* O(log n), amortized. Harmless for a node that is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

#endif
