package daemon

import (
	"strings"
	"testing"
)

// TestValidateSaysAllThatIsWrong: a value that would only show later, as jobs that never run, is refused at the start.
func TestValidateSaysAllThatIsWrong(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"modelsAtOnce is -1: it must be at least 1": func(c *Config) { c.ModelsAtOnce = -1 },
		"modelsAtOnce is 0":                         func(c *Config) { c.ModelsAtOnce = 0 },
		"snapshotMB is -5: it must be at least 0":   func(c *Config) { c.SnapshotMB = -5 },
		`listen is "127.0.0.1:99999": its port`:     func(c *Config) { c.Listen = "127.0.0.1:99999" },
		`listen is "nowhere"`:                       func(c *Config) { c.Listen = "nowhere" },
		`driver is "vm"`:                            func(c *Config) { c.Driver = "vm" },
		"data is empty":                             func(c *Config) { c.Data = "" },
		"go together":                               func(c *Config) { c.AccessKey = "a" },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	c := Default()
	c.ModelsAtOnce, c.SnapshotMB = 0, -1
	if err := c.Validate(); err == nil || strings.Count(err.Error(), "must be at least") != 2 {
		t.Errorf("not all at once: %v", err)
	}
}
