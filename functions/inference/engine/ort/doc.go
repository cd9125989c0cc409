// Package ort runs models on ONNX Runtime, on the CPU or on a CUDA device. It speaks to the library's C API through a shim
// of one-liners (shim.h), opens the library at run time, keeps what it holds alive and unmoved (inputs are pinned for the
// run), and lets no C type out.
//
// On the CPU weights stay out of private memory: sessions are opened with prepacking and optimisation off, so the library
// maps a bundle's external data and uses it where it lies. Activations come from malloc rather than from an arena per
// session: one heap that all sessions share and that Trim empties.
//
// On a GPU weights are brought to a block of memory that this package takes (see package upload), while the library makes the session
// that will use them there.
//
// On a GPU all of a run, from binding to results, is on one thread of the operating system, and runs one after the other on the same one:
// the library orders copies of inputs before a run, and keeps plans and recordings, by thread.
package ort
