package ort

// #include "card.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/upload"
)

// block is memory on a device that weights are brought to.
type block interface {
	upload.Device
	// at is the address of one of its bytes, as the device knows it.
	at(offset int64) unsafe.Pointer
	// free gives the memory back, when nothing reads it any more and all lanes are closed.
	free() error
}

// card is a block on a GPU.
type card struct {
	c *C.card
	d engine.Device
}

// openCard takes memory on a GPU. ResourceExhausted when it has not so much left.
func openCard(d engine.Device, bytes int64) (block, error) {
	k := &card{d: d}
	code := C.card_open(C.int(d.Index), C.size_t(bytes), &k.c)
	if code == C.card_out_of_memory {
		return nil, fmt.Errorf("memory is out, %d MiB asked for: %w", mebibytes(bytes), errdefs.ErrResourceExhausted)
	}
	if err := k.check("memory for weights", code); err != nil {
		return nil, err
	}
	return k, nil
}

// mebibytes are rounded up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

func (k *card) at(offset int64) unsafe.Pointer { return unsafe.Add(C.card_memory(k.c), offset) }

func (k *card) free() error { return k.check("memory of weights given back", C.card_free(k.c)) }

// Lane pins the buffers.
func (k *card) Lane(bytes int64, n int) (upload.Lane, error) {
	l := &lane{card: k, bytes: bytes}
	if err := k.check("pinned memory", C.lane_open(k.c, C.size_t(bytes), C.int(n), &l.l)); err != nil {
		return nil, err
	}
	return l, nil
}

// check makes an error of what the driver says.
func (k *card) check(what string, code C.int) error {
	switch code {
	case 0:
		return nil
	case C.card_no_driver:
		return fmt.Errorf("%s: the CUDA driver (libcuda.so.1) cannot be used; `videosdgx doctor` says what is missing: %w", k.d, errdefs.ErrFailedPrecondition)
	}
	return &cardError{k.d, what, int(code)}
}

// cardError is a call of the driver that failed.
type cardError struct {
	device engine.Device
	what   string
	code   int
}

func (e *cardError) Error() string {
	return fmt.Sprintf("%s on %s: the CUDA driver says %d", e.what, e.device, e.code)
}

func (e *cardError) Unwrap() error { return errdefs.ErrInternal }

type lane struct {
	card  *card
	l     *C.lane
	bytes int64
}

func (l *lane) Buffer(i int) []byte {
	return unsafe.Slice((*byte)(C.lane_buffer(l.l, C.int(i))), l.bytes)
}

func (l *lane) Copy(i int, at, n int64) error {
	return l.card.check("a copy of weights", C.lane_copy(l.l, C.int(i), C.size_t(at), C.size_t(n)))
}

func (l *lane) Wait(i int) error {
	return l.card.check("waiting for weights", C.lane_wait(l.l, C.int(i)))
}

func (l *lane) Close() error { return l.card.check("weights", C.lane_close(l.l)) }
