package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// pictures puts the first and the last one into the request.
func (o generateOptions) pictures(request map[string]any) error {
	for _, p := range []struct{ flag, field, file string }{{"image", "image", o.image}, {"last-image", "last_image", o.lastImage}} {
		if p.file == "" {
			continue
		}
		b, err := os.ReadFile(p.file)
		if err != nil {
			return fmt.Errorf("--%s: %w", p.flag, err)
		}
		request[p.field] = base64.StdEncoding.EncodeToString(b)
	}
	return nil
}

// named puts the LoRAs of --lora into the request, by their names on the server: NAME[:STRENGTH], which is 1.
func (o generateOptions) named(request map[string]any) error {
	var loras []any
	for _, text := range o.loras {
		name, strength, has := strings.Cut(text, ":")
		l := map[string]any{"name": name}
		if has {
			v, err := strconv.ParseFloat(strength, 64)
			if err != nil || !(v >= -maxStrength && v <= maxStrength) {
				return usage(fmt.Errorf("--lora %q: after the colon stands a strength between -%d and %d, such as :0.8", text, maxStrength, maxStrength))
			}
			l["strength"] = v
		}
		loras = append(loras, l)
	}
	if loras != nil {
		request["loras"] = loras
	}
	return nil
}

// others puts the fields of --set into the request: JSON as that, anything else as text. What a flag has given is not given again.
func (o generateOptions) others(request map[string]any) error {
	for _, text := range o.set {
		field, value, has := strings.Cut(text, "=")
		if !has || field == "" {
			return usage(fmt.Errorf("--set %q: write it as FIELD=VALUE, such as output=wav", text))
		}
		if _, twice := request[field]; twice {
			return usage(fmt.Errorf("--set %q: %s is given already", text, field))
		}
		var v any = value
		if raw := json.RawMessage(value); json.Valid(raw) {
			v = raw // as it is: a float64 would round a large seed
		}
		request[field] = v
	}
	return nil
}
