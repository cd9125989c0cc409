// Package weights reads and writes what a model is made of: safetensors files, sharded Hugging Face checkpoints in
// the diffusers layout, and bundles, the form in which a model is served. It knows no model's name and no graph.
//
// A checkpoint is read tensor after tensor with ReadAt, so that a truncated or replaced file is an error and never a
// SIGBUS. Every error names the file, and the tensor where there is one.
package weights
