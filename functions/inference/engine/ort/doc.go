// Package ort runs models on ONNX Runtime. It is the only package that imports the binding, and the only cgo of the
// inference code. It keeps what the library holds alive and unmoved (inputs are pinned for the run), and lets no C type
// out.
//
// Weights stay out of private memory: sessions are opened with prepacking and optimisation off, so the library maps a
// bundle's external data and uses it where it lies. Activations come from malloc rather than from an arena per session:
// one heap that all sessions share and that Trim empties.
package ort
