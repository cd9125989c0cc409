// Package outgoing is the one way out of the control plane for what users tell it to call: webhooks, asynchronous
// destinations, pictures by address. A Guard decides, on the address that is really dialled, whether it may be: link-local
// addresses and the metadata services of clouds never, private addresses, loopback and this machine's own only where they
// are listed, whatever form of IPv6 they are wrapped in. A Poster posts through it, follows no redirect, and lets no
// secret of an address into an error.
package outgoing
