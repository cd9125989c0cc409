// Package waver is Waver 1.0 (arXiv 2508.15761) as far as it was published: the hybrid-stream transformer, text of two encoders
// (Flan-T5-XXL and Qwen 2.5), the VAE of Wan 2.1, flow matching with a shift of 7, and APG guidance. No weights, no code and no
// names of tensors were ever released: README.md has the layout that this package reads, and what of it is an assumption.
package waver
