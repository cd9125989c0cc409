// Package handler is what every model function shares: it takes events, checks them, runs the model, encodes the clip and
// answers. An event is the request itself as JSON, a function-URL event (payload format 2.0) with the request as its
// body, or {"ping":true}, which is answered at once.
//
// Towards the runtime it uses the Lambda Runtime API alone, through aws-lambda-go, and two extensions where
// VIDEOSDGX_EXTENSIONS announces them: progress reports and cancellation. Without them the same binary runs on Lambda.
package handler
