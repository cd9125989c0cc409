package daemon

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the environment variables of every setting.
const EnvPrefix = "VIDEOSDGX_"

// AddFlags gives fs one flag for each field of Config, with Default's values.
func AddFlags(fs *pflag.FlagSet) {
	c := Default()
	fs.String("config", "", "configuration file in YAML (environment: VIDEOSDGX_CONFIG)")
	each(&c, func(name, help string, v reflect.Value) {
		fs.String(flagName(name), text(v), help+" ("+envName(name)+")")
		if v.Kind() == reflect.Bool {
			fs.Lookup(flagName(name)).NoOptDefVal = "true"
		}
	})
}

// Load reads the configuration from fs (its flags were made by AddFlags), the environment and the file.
func Load(fs *pflag.FlagSet, getenv func(string) string) (Config, error) {
	c := Default()
	path, _ := fs.GetString("config")
	if path == "" {
		path = getenv(EnvPrefix + "CONFIG")
	}
	var errs []error
	if path != "" {
		errs = append(errs, c.readFile(path))
	}
	each(&c, func(name, _ string, v reflect.Value) {
		if s := getenv(envName(name)); s != "" {
			errs = append(errs, set(v, s, envName(name)))
		}
		if f := fs.Lookup(flagName(name)); f != nil && f.Changed {
			errs = append(errs, set(v, f.Value.String(), "--"+flagName(name)))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	c = c.WithDefaults()
	return c, errors.Join(c.resolve(), c.Validate())
}

func (c *Config) readFile(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the configuration: %w", err)
	}
	var doc yaml.Node
	if err = yaml.Unmarshal(b, &doc); err == nil && doc.Kind != 0 {
		if err = ownNames(&doc); err == nil {
			err = doc.Decode(c)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, oneLine(err))
	}
	return nil
}

// ownNames lets the file call a setting as its flag is called, keep-alive, besides keepAlive, the way of manifests, and
// refuses what is neither, and values that a setting cannot have, all at once.
func ownNames(doc *yaml.Node) error {
	own, fields := map[string]string{}, map[string]reflect.Value{}
	each(&Config{}, func(name, _ string, v reflect.Value) { own[flagName(name)], own[name], fields[name] = name, name, v })
	var errs []string
	for i, key := range doc.Content[0].Content {
		if doc.Content[0].Kind != yaml.MappingNode || i%2 != 0 {
			continue
		}
		name := own[key.Value]
		if name == "" {
			errs = append(errs, fmt.Sprintf("line %d: field %s is no setting: see videosdgx serve --help", key.Line, key.Value))
		} else if err := doc.Content[0].Content[i+1].Decode(fields[name].Addr().Interface()); err != nil {
			said := strings.TrimPrefix(oneLine(err).Error(), fmt.Sprintf("line %d: ", key.Line))
			errs = append(errs, fmt.Sprintf("line %d: %s: %s", key.Line, key.Value, said))
		}
		key.Value = name
	}
	if len(errs) > 0 {
		return errors.New(strings.Join(errs, "; "))
	}
	return nil
}

// oneLine joins the mistakes that the YAML decoder lists on lines of their own.
func oneLine(err error) error {
	var list *yaml.TypeError
	if !errors.As(err, &list) {
		return err
	}
	return errors.New(strings.Join(list.Errors, "; "))
}

// each calls f for every field with its name in the file.
func each(c *Config, f func(name, help string, v reflect.Value)) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		t := v.Type().Field(i)
		f(t.Tag.Get("yaml"), t.Tag.Get("help"), v.Field(i))
	}
}

func set(v reflect.Value, s, from string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %q is not a whole number", from, s)
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%s: %q is not a number", from, s)
		}
		v.SetFloat(n)
	case reflect.Bool:
		yes, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%s: %q is neither true nor false", from, s)
		}
		v.SetBool(yes)
	default:
		v.SetString(s)
	}
	return nil
}

func text(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, _ := m.MarshalText()
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// flagName turns keepAlive into keep-alive; envName into VIDEOSDGX_KEEP_ALIVE.
func flagName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func envName(name string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flagName(name), "-", "_"))
}

// EnvNames are the environment variables of all settings, VIDEOSDGX_CONFIG among them.
func EnvNames() []string {
	c, all := Default(), []string{EnvPrefix + "CONFIG"}
	each(&c, func(name, _ string, _ reflect.Value) { all = append(all, envName(name)) })
	return all
}
