package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Addresses that a name may mean and that must not be called. The trap listens on loopback.
var meant = map[string][]string{
	"loopback": {"127.0.0.1"}, "loopback's network": {"127.1.2.3"}, "loopback in IPv6": {"::1"}, "nothing": {"0.0.0.0"}, "nothing in IPv6": {"::"},
	"this network": {"0.0.0.1"}, "a private network": {"10.0.0.1", "172.16.0.1", "192.168.0.1"}, "carrier's NAT": {"100.64.0.1"}, "unique local": {"fd00::1"},
	"link-local": {"169.254.1.1"}, "link-local in IPv6": {"fe80::1"}, "metadata": {"169.254.169.254"}, "metadata of AWS in IPv6": {"fd00:ec2::254"},
	"metadata of Alibaba": {"100.100.100.200"}, "metadata of Azure": {"168.63.129.16"}, "mapped loopback": {"::ffff:127.0.0.1"}, "mapped metadata": {"::ffff:169.254.169.254"},
	"compatible loopback": {"::127.0.0.1"}, "NAT64 loopback": {"64:ff9b::7f00:1"}, "NAT64 metadata": {"64:ff9b::a9fe:a9fe"}, "NAT64 of a network's own": {"64:ff9b:1::a9fe:a9fe"},
	"6to4 loopback": {"2002:7f00:1::"}, "6to4 metadata": {"2002:a9fe:a9fe::1"}, "Teredo": {"2001:0:a9fe:a9fe::1"}, "multicast": {"224.0.0.1"}, "broadcast": {"255.255.255.255"},
	"all of loopback": {"127.0.0.1", "::1", "127.0.0.2", "::ffff:127.0.0.1"},
}

func init() {
	for name, addrs := range meant {
		host := names.add("at-"+label(name), &reply{addrs: addrs})
		add("names", "a webhook by a name that means "+name, func(ctx context.Context, s *scene) error { return s.namedHook(ctx, host, refusedOnly) })
		add("names", "a destination by a name that means "+name, func(ctx context.Context, s *scene) error { return s.namedDestination(ctx, host) })
	}
	for name, a := range map[string]*reply{
		"an alias of localhost":             {cname: "localhost."},
		"an alias of a name that is inside": {cname: "inside" + zone, addrs: []string{"127.0.0.1"}},
		"an alias of metadata's name":       {cname: "metadata.google.internal.", addrs: []string{"169.254.169.254"}},
		"3000 private addresses":            {addrs: many(3000)},
		"another case":                      {addrs: []string{"127.0.0.1"}},
	} {
		host := names.add("is-"+label(name), a)
		if name == "another case" {
			host = strings.ToUpper(host) + "."
		}
		add("names", "a webhook by "+name, func(ctx context.Context, s *scene) error { return s.namedHook(ctx, host, deliveredNever) })
		add("names", "a destination by "+name, func(ctx context.Context, s *scene) error { return s.namedDestination(ctx, host) })
	}
	names.add("inside", &reply{addrs: []string{"127.0.0.1"}})
	for name, a := range map[string]*reply{
		"an address that is allowed and then the trap": {addrs: []string{allowed, "127.0.0.1"}},
		"the trap and then an address that is allowed": {addrs: []string{"127.0.0.1", allowed}},
		"the trap in IPv6 beside one that is allowed":  {addrs: []string{"::1", "::ffff:127.0.0.1", allowed}},
		"an allowed address at first, then the trap":   {turns: [][]string{{allowed}, {"127.0.0.1"}}},
		"another address whenever it is asked":         {turns: [][]string{{allowed}, {"10.0.0.1"}, {allowed}, {"127.0.0.1"}, {"::1"}, {allowed}, {"127.0.0.1"}}},
		"a chain of aliases without an end":            {cname: "end-0" + zone},
		"an alias of itself":                           {cname: "is-" + label("an alias of itself") + zone},
		"an answer after a minute":                     {addrs: []string{"127.0.0.1"}, delay: time.Minute},
		"an answer that never comes":                   {raw: func([]byte, bool) [][]byte { return nil }},
		"an answer of zeros":                           {raw: func(q []byte, _ bool) [][]byte { return [][]byte{append(bytes.Clone(q[:2]), make([]byte, 500)...)} }},
		"an answer whose names point at themselves":    {raw: pointersInCircles},
		"an answer for another name":                   {raw: forAnother},
		"answers under other numbers":                  {raw: wrongNumbers},
		"an answer that promises 65,535 records":       {raw: promises},
	} {
		host := names.add("is-"+label(name), a)
		add("names", "a webhook by "+name, func(ctx context.Context, s *scene) error { return s.namedHook(ctx, host, deliveredNever) })
	}
	for n := range 40 {
		names.add(fmt.Sprint("end-", n), &reply{cname: fmt.Sprint("end-", n+1, zone)})
	}
	names.add("end-40", &reply{cname: "localhost.", addrs: []string{"127.0.0.1"}})
	for _, host := range []string{"127.1", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "127.0.0.1.", "127.000.000.001", "localhost.", "LocalHost", "x.localhost.", "①②⑦.⓪.⓪.①", "0", "[::1%25lo]"} {
		add("names", "a webhook at "+host, func(ctx context.Context, s *scene) error { return s.namedHook(ctx, host, deliveredNever) })
	}
}

func label(name string) string { return strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name) }

func many(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	return append(out, "127.0.0.1")
}

// pointersInCircles answers with a record whose name is a pointer to itself.
func pointersInCircles(q []byte, _ bool) [][]byte {
	b := answering(q, 1)
	at := uint16(len(b)) //nolint:gosec // a query is short
	b = binary.BigEndian.AppendUint16(b, 0xc000|at)
	return [][]byte{append(b, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)}
}

// forAnother answers a question that nobody asked, in the section of additions as well.
func forAnother(q []byte, _ bool) [][]byte {
	var p dnsmessage.Parser
	h, err := p.Start(q)
	if err != nil {
		return nil
	}
	asked, err := p.Question()
	if err != nil {
		return nil
	}
	other := dnsmessage.Resource{Header: head(dnsmessage.MustNewName("other.example."), dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}
	h.Response = true
	b, err := (&dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{asked}, Answers: []dnsmessage.Resource{other}, Additionals: []dnsmessage.Resource{other}}).Pack()
	if err != nil {
		return nil
	}
	return [][]byte{b}
}

// wrongNumbers are a guesser's: a hundred answers, none under the number of the question.
func wrongNumbers(q []byte, tcp bool) (out [][]byte) {
	n := 100
	if tcp {
		n = 1
	}
	for i := range n {
		b := append(answering(q, 1), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
		binary.BigEndian.PutUint16(b, binary.BigEndian.Uint16(q)+uint16(i)+1) //nolint:gosec // it may wrap
		out = append(out, b)
	}
	return out
}

func promises(q []byte, _ bool) [][]byte {
	return [][]byte{append(answering(q, 65535), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 127)}
}

// answering is a query's header and question as an answer with so many records to follow.
func answering(q []byte, records uint16) []byte {
	end := 12 + bytes.IndexByte(q[12:], 0) + 5
	b := bytes.Clone(q[:end])
	b[2], b[3] = 0x85, 0x80
	binary.BigEndian.PutUint16(b[6:], records)
	binary.BigEndian.PutUint32(b[8:], 0)
	return b
}

// playable says why attacks by names cannot be played here.
func (s *scene) playable() error {
	switch {
	case s.driver != "process":
		return elsewhere("the giver runs as a process")
	case !names.up:
		return elsewhere("the server cannot be given a resolver of its own: that needs root, unshare, and " + resolverAddr)
	}
	return nil
}

// What a webhook's error may be.
const (
	refusedOnly    = true  // it must have been the guard
	deliveredNever = false // anything but a call of the trap
)

// namedHook gives a job a webhook by a name. It is refused, or its call fails before it reaches anybody inside.
func (s *scene) namedHook(ctx context.Context, host string, guarded bool) error {
	if err := s.playable(); err != nil {
		return err
	}
	address, err := aimed(host + ":PORT")
	if err != nil {
		return err
	}
	before := names.total.Load()
	status, job, err := s.generate(ctx, address)
	switch {
	case err != nil:
		return err
	case status == http.StatusUnprocessableEntity || status == http.StatusBadRequest:
		return nil
	case status != http.StatusAccepted:
		return fmt.Errorf("the job was answered with %d", status)
	}
	said, err := s.hookError(ctx, job)
	switch {
	case err != nil:
		return err
	case guarded && names.total.Load() == before:
		return errors.New("the resolver was not asked: nothing was tried")
	case guarded && !strings.Contains(said, "may not be called"):
		return fmt.Errorf("it was tried: %s", said)
	}
	return nil
}

// hookError waits for a webhook's first call to fail and gives what is said of it.
func (s *scene) hookError(ctx context.Context, job map[string]any) (string, error) {
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var now struct {
			Webhook struct{ Error, Delivered string }
		}
		if err := s.Get(ctx, fmt.Sprint("/v1/jobs/", job["id"]), &now); err != nil {
			return "", err
		}
		switch {
		case caught.hits.Load() > 0 || now.Webhook.Delivered != "":
			return "", errors.New("the webhook was called")
		case strings.Contains(now.Webhook.Error, secret):
			return "", errors.New("the error has the address's secrets")
		case now.Webhook.Error != "":
			return now.Webhook.Error, nil
		case time.Now().After(end):
			return "", errors.New("neither refused nor called")
		}
	}
}

// namedDestination has a function's record sent to a name.
func (s *scene) namedDestination(ctx context.Context, host string) error {
	if err := s.playable(); err != nil {
		return err
	}
	address, err := aimed(host + ":PORT")
	if err != nil {
		return err
	}
	return s.tells(ctx, address)
}
