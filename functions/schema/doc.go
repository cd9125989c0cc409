// Package schema holds requests to the JSON Schema (2020-12) that a model publishes: what the REST API takes and what the
// model's function takes are read by the same code from the same document. It adds a few keywords of its own, all
// beginning with x-, which other readers take for annotations:
//
//	x-step N              an integer is its minimum plus a multiple of N
//	x-seconds N           an integer of frames lasts N seconds at most, at the request's fps: no more is offered
//	x-maxBytes N          a string has N bytes of UTF-8 at most
//	x-default "random"    left out, it is drawn between minimum and maximum
//	x-file {types,maxBytes}  the value is a file: base64, a data: URL, an upload, or a file beside the event
//
// The package is pure; a Schema is safe for concurrent use.
package schema
