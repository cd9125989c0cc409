// Package e2e holds tests of the whole program from outside: real `videosdgx serve` processes on each driver, spoken to
// over HTTP and through the commands alone. Each case is named after the promise that it shows. It has no other code.
//
// The programs are those of VIDEOSDGX_TEST_BIN (bin/ after make build), else they are built once. As root with
// VIDEOSDGX_TEST_CONTAINERD=1 the containerd driver must be there; elsewhere what is left out is said.
package e2e
