// Package lora reads low-rank adaptations of a model and merges them into its weights: W + strength·(alpha/rank)·B·A, and
// whole differences where a file has them. Four layouts are understood: that of PEFT and diffusers (lora_A, lora_B; alpha in
// the header or none), that of the models' own code and ComfyUI (lora_down or lora_A, .alpha, .diff, .diff_b), and that of
// kohya's and musubi's trainers (dots become underscores).
//
// A file names modules by one of several conventions; which tensor of a checkpoint a name means is the model family's to say.
package lora
