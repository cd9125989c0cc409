// Package metrics declares every metric of the runtime in one file: name, unit, labels and buckets. Durations are in
// seconds, sizes in bytes. The methods of Metrics are what package dispatch asks of its Meter.
package metrics
