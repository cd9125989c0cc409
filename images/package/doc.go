// Package pkgfiles has no code: the folder holds what the Debian package, Prometheus, Grafana and Loki take, and a test of it.
package pkgfiles
