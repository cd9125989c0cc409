// Package gemma is the Gemma 3 text model as an encoder: every layer's hidden states, which LTX-2 reads. Reference:
// transformers' Gemma3TextModel.
package gemma
