// Package magi1 is MAGI-1, which makes clips of any length chunk by chunk: several chunks of frames are denoised at once, the
// oldest furthest, each attending to those before it; a finished one leaves its keys and values to the next ones and is decoded
// while they go on.
//
// Architecture, tensor names and schedule follow the published code and checkpoints; every size comes from their configuration.
package magi1
