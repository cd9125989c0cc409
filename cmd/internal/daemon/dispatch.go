package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/placement"
)

// openDispatch starts what turns invocations into answers, and has it hear of every change of a function.
func (p *plane) openDispatch(ctx context.Context) (err error) {
	sum := sha256.Sum256([]byte(p.cfg.Data))
	terms := placement.DefaultTerms
	terms.Fixed = p.cfg.KeepAlive.D()
	p.merger = loras.New(p.cfg.Models, int64(p.cfg.LoRACache), loras.Command(p.cfg.Data, p.log), p.log)
	p.merger.Sweep()
	functions := p.merger.Over(p.registry)
	cfg := dispatch.Config{
		Functions: functions, Secrets: p.cfg.Secrets().Of, Sandbox: voucher{p.sandbox, p.dir("verified")}, Owner: hex.EncodeToString(sum[:6]),
		RunDir: p.dir("run"), LogDir: p.dir("logs"), Log: p.log,
		Pools: p.machine.Pools, Devices: p.machine.Held, Meter: p.metrics, Terms: terms,
	}
	if p.snapshots != nil {
		cfg.Snapshots = p.snapshots
	}
	p.dispatch, err = dispatch.New(cfg)
	if err != nil {
		return err
	}
	p.merger.Serve(p.dispatch.Instances)
	p.loras = p.merger.Before(p.dispatch, functions)
	if p.trace != nil {
		p.loras = p.trace.Invoker(p.loras)
	}
	p.metrics.Watch(p.dispatch)
	p.registry.Subscribe(p.dispatch.Changed)
	return p.dispatch.Start(ctx)
}
