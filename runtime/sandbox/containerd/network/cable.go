package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cable connects a process's network namespace with the bridge. Our end is isolated: ends talk to the bridge alone.
func cable(bridge netlink.Link, pid int, name string, address netip.Addr) error {
	four := address.As4()
	ours := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("vdx%02x%02x", four[2], four[3]), MasterIndex: bridge.Attrs().Index},
		PeerName:  "eth0", PeerNamespace: netlink.NsPid(pid),
	}
	if err := netlink.LinkAdd(ours); err != nil {
		return fmt.Errorf("make a cable: %w", err)
	}
	if err := netlink.LinkSetAlias(ours, Alias+name+" "+address.String()); err != nil {
		return err
	}
	if err := netlink.LinkSetIsolated(ours, true); err != nil {
		return err
	}
	return netlink.LinkSetUp(ours)
}

// Cables are our ends of an owner's instances' cables, by instance.
func Cables(owner string) (map[string]netlink.Link, error) {
	_, err := netlink.LinkByName(Bridge)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil // nobody has asked for the bridge
	}
	if err != nil {
		return nil, fmt.Errorf("network bridge: %w", err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("network bridge: %w", err)
	}
	found := map[string]netlink.Link{}
	for _, l := range links {
		if rest, ok := strings.CutPrefix(l.Attrs().Alias, Alias+owner+"."); ok {
			id, _, _ := strings.Cut(rest, " ")
			found[id] = l
		}
	}
	return found, nil
}

// Unplug does at once what the kernel would do a moment after the instance's namespace has gone.
func Unplug(owner, id string) error {
	all, err := Cables(owner)
	if err != nil || all[id] == nil {
		return err
	}
	if err := netlink.LinkDel(all[id]); err != nil && !errors.As(err, &netlink.LinkNotFoundError{}) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("network bridge: %w", err)
	}
	return nil
}
