// Package rest is the REST surface of the models: generate, batch and jobs under /v1/models/{model}/ and on each model's
// own port, all jobs under /v1/jobs, and the OpenAPI document. One file per endpoint; wire types lie apart in wire.go, and
// errors are problem details (RFC 9457).
package rest
