// Package tensorrt runs plans of TensorRT and TensorRT-RTX, and builds them from ONNX graphs whose weights lie in mapped files.
//
// TensorRT's binary interface is C++ and differs between versions, so none of it appears here. The folder shim holds one
// C++ source with one interface of plain C functions; it is compiled once for each set of headers in include, and this
// package opens, at run time, the shim and the TensorRT that fit each other. Nothing needs either to build or to start.
package tensorrt
