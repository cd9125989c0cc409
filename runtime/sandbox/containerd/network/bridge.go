// Package network joins instances that ask for it to one bridge of the machine, and keeps them from the machine, from each
// other, and from what clouds tell their machines.
package network

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Functions whose manifest asks for it share one bridge, through which they reach what the machine reaches, but neither
// the machine itself nor each other. Their end of the cable vanishes with their network namespace, and ours with it.
const (
	Bridge = "videosdgx0"
	Alias  = "videosdgx " // then OWNER.ID and the address, as the alias of our end of an instance's cable
)

// bridgeNet is the bridge's own; its first address is the gateway.
var bridgeNet = netip.MustParsePrefix("10.213.0.1/16")

// addresses are given out under one lock, since a free one is found by looking at the cables there are.
var addresses sync.Mutex

// Plug gives a process's namespace an interface eth0 on the bridge. The cable bears the names of owner and instance.
func Plug(owner, id string, pid int) error {
	bridge, err := ensureBridge()
	if err != nil {
		return fmt.Errorf("network bridge: %w", err)
	}
	addresses.Lock()
	defer addresses.Unlock()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if err := cable(bridge, pid, owner+"."+id, address); err != nil {
		return fmt.Errorf("network bridge: %w", err)
	}
	if err := Inside(pid, func() error { return configure(address) }); err != nil {
		return fmt.Errorf("network of the instance: %w", err)
	}
	return nil
}

// ensureBridge makes the bridge and the rules for it; both stay for the next instance. The rules are written each time: a
// firewall that is loaded again takes them away, and then the bridge would lead everywhere.
func ensureBridge() (netlink.Link, error) {
	if err := writeRules(); err != nil {
		return nil, err
	}
	if l, err := netlink.LinkByName(Bridge); err == nil {
		return l, nil
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return nil, err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: Bridge}}
	if err := netlink.LinkAdd(bridge); err != nil && !os.IsExist(err) {
		return nil, fmt.Errorf("make %s: %w", Bridge, err)
	}
	if err := netlink.AddrAdd(bridge, &netlink.Addr{IPNet: ipNet(bridgeNet)}); err != nil && !os.IsExist(err) {
		return nil, err
	}
	return bridge, netlink.LinkSetUp(bridge)
}

// freeAddress is the lowest that no cable bears.
func freeAddress() (netip.Addr, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return netip.Addr{}, err
	}
	used := map[string]bool{}
	for _, l := range links {
		if f := strings.Fields(l.Attrs().Alias); len(f) == 3 && f[0]+" " == Alias {
			used[f[2]] = true
		}
	}
	for a := bridgeNet.Addr().Next(); bridgeNet.Contains(a.Next()); a = a.Next() {
		if !used[a.String()] {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("network bridge: all addresses of %s are taken: %w", bridgeNet.Masked(), errdefs.ErrResourceExhausted)
}

// configure runs inside the instance's namespace.
func configure(address netip.Addr) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(eth0, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(address, bridgeNet.Bits()))}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: bridgeNet.Addr().AsSlice()})
}

// Inside runs f on a thread that dies with it.
func Inside(pid int, f func() error) error {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return err
	}
	defer ns.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		err := unix.Setns(int(ns), unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
