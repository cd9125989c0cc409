// Package onnx writes and reads ONNX models: the graph builder that the model families use, the protobuf wire format, and
// external data whose tensors start on page boundaries so that a runtime can map them instead of reading them.
//
// Only what a model file holds is here. Nothing runs: package engine does that. The wire format follows onnx.proto of
// onnx/onnx (field numbers are quoted in encode.go); the fields that our graphs and those that ONNX Runtime writes do not
// use (functions, training info, sparse tensors, maps, sequences) are refused by the reader rather than dropped.
package onnx
