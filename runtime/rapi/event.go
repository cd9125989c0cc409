package rapi

import "time"

// Event is one invocation as the function sees it.
type Event struct {
	ID            string
	ARN           string
	DeadlineMs    int64 // Unix milliseconds
	TraceID       string
	ClientContext string
	Identity      string
	Payload       []byte
	Free          func() // called when Payload is with the function and not read again; nil: nobody wants to know
}

// Sink takes a function's answer to one event. Head, Data and End come in this order from one goroutine; Progress may come
// between them from another. Errors of Head, Data and Flush mean that nobody listens any more.
type Sink interface {
	// Started says that the function now has the event.
	Started(at time.Time)
	Head(Head) error
	Data(p []byte) error
	// Flush passes on at once what Head and Data may have kept.
	Flush() error
	// End closes the answer.
	End(Outcome)
	// Progress passes on what the function says of itself, a JSON object.
	Progress(json []byte)
	// Broken says that the function broke off its answer, or asked for the next event without one.
	Broken(why string)
}

// Head comes before the first byte of an answer.
type Head struct {
	ContentType   string
	Streaming     bool   // the function said so, or sends other than JSON without saying how long it is
	FunctionError string // "" or "Handled"
}

// Outcome is how an answer ended.
type Outcome struct {
	FunctionError string // "", "Handled", "Unhandled"
	ErrorType     string
	ErrorBody     []byte // JSON
}

// Info is what the API tells extensions of the function.
type Info struct {
	Function, Version, Handler string
}
