// Package trace tells an OpenTelemetry collector where the time of requests and jobs went: a span for each request that does
// something, below it the invocation, what starting its instance took, the function and the phases that a model reports;
// jobs have a span of their own, with their attempts below it, however long and on however many nodes they run. A trace is
// continued from W3C's traceparent or Lambda's X-Amzn-Trace-Id, and given to functions and webhooks as both.
//
// Nothing of it is there while no collector is named: Open gives nil, and whoever would be wrapped is not.
package trace
