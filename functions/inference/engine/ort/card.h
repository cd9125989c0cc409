// What an upload of weights needs of a GPU: memory, and lanes with pinned buffers. The CUDA driver is opened at run time. Calls give
// 0 or the driver's code; a thread's current context is afterwards what it was before.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { card_out_of_memory = 2, card_no_driver = -1 };

typedef struct card card;
typedef struct lane lane;

// card_open takes bytes of memory on a GPU, whose primary context it keeps, as the library does.
int card_open(int index, size_t bytes, card **c);

// card_memory is the first byte, as the GPU knows it.
void *card_memory(const card *c);

// card_free gives the memory back: of what was opened only so far too.
int card_free(card *c);

// lane_open makes n buffers of so many bytes, and a stream of their own.
int lane_open(card *c, size_t bytes, int n, lane **l);
void *lane_buffer(const lane *l, int i);

// lane_copy begins to copy the first n bytes of buffer i to the byte at of the card's memory, lane_wait waits for that.
int lane_copy(lane *l, int i, size_t at, size_t n);
int lane_wait(lane *l, int i);

// lane_close waits for all copies, and gives the buffers back.
int lane_close(lane *l);
