// Package handler is what every model function shares: it takes events, checks them, runs the model, encodes what it makes and
// answers. An event is the request itself as JSON, a function-URL event (payload format 2.0) with the request as its body, or
// {"ping":true}, which is answered at once.
//
// A model describes what it takes (Description); Schema makes of that the JSON Schema that its bundle publishes, and every
// request is held to it with functions/schema, as the gateway does. A model may add fields of its own and take usual ones away.
// Files come in base64 or, as file:NAME, lie in the folder that VIDEOSDGX_FILES names; pictures and clips are opened before
// the model runs.
//
// It gives frames, sound and finished pieces (Output) and progress. The answer is the clip in JSON, the clip itself, the clip
// and its pieces as multipart/mixed, or the clip in fragments while it is made: "output" and Accept say which.
//
// Towards the runtime it uses the Lambda Runtime API alone, through aws-lambda-go, and two extensions where
// VIDEOSDGX_EXTENSIONS announces them: progress reports and cancellation. Without them the same binary runs on Lambda.
package handler
