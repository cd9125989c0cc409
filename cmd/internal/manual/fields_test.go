package manual

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/videosdgx/videosdgx/images/builder"
	"github.com/videosdgx/videosdgx/runtime/registry"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

var update = flag.Bool("update", false, "write FIELDS.md and function.schema.json anew")

// examples has a value for every field, as YAML. That each is taken is tested.
var examples = map[string]string{
	"name": "hello", "description": "says hello", "image": "oci:image", "command": "[./bootstrap]", "args": "[--verbose]", "handler": "app.handler",
	"workDir": "/var/task", "env": "{GREETING: hello}", "labels": "{team: video}", "secrets": "{API_TOKEN: 'store:api-token'}",
	"model.name": "wan21", "model.bundle": "wan21-tiny", "model.port": "8002", "model.device": "auto", "model.attention": "exact", "model.engine": "auto", "model.acceptLicense": "ltx-2-community-license",
	"mounts[].source": "data", "mounts[].target": "/data", "mounts[].writable": "true",
	"timeout": "15m", "initTimeout": "2m", "keepAlive": "10m", "concurrency": "4", "eventsAtOnce": "8", "minInstances": "1", "staged": "2",
	"queueLimit": "100", "requestLimit": "600", "jobLimit": "1000", "pin": "true", "freezeIdle": "true", "cancelGrace": "2s",
	"limits.memory": "4GiB", "limits.cpus": "2.5", "limits.pids": "256", "limits.scratch": "1GiB", "limits.payload": "32MiB",
	"gpus": "[all]", "deviceMemory": "24GiB", "network": "bridge", "snapshot": "always", "snapshotOn": "publish", "snapshotEvent": `'{"ping":true}'`,
	"url.invokeMode": "RESPONSE_STREAM", "url.closed": "true", "url.auth": "none", "url.cors.allowOrigins": "[https://example.com]", "url.cors.allowMethods": "[GET, POST]",
	"url.cors.allowHeaders": "[content-type]", "url.cors.exposeHeaders": "[x-request-id]", "url.cors.allowCredentials": "true", "url.cors.maxAge": "1h",
	"async.retries": "1", "async.maxAge": "1h", "async.onFailure": "hello-failed", "async.onSuccess": "https://example.com/done",
}

var imageExamples = map[string]string{
	"name": "hello:latest", "user": `"65534:65534"`, "entrypoint": "[/var/runtime/bootstrap]", "cmd": "[app.handler]", "workDir": "/var/task",
	"env": "{GREETING: hello}", "labels": "{org.opencontainers.image.title: hello}", "layers[].base": "true", "layers[].programs": "[python3]",
	"layers[].files[].from": "bootstrap", "layers[].files[].to": "/var/runtime/bootstrap",
}

// field is one line of the tables.
type field struct {
	path, kind, about, def string
	typ                    reflect.Type
}

// walk lists the fields of a type that YAML may set; docs has comments by type and field name.
func walk(t reflect.Type, at string, docs map[string]string, def reflect.Value) (all []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || name == "" {
			continue
		}
		p, ft := strings.TrimPrefix(at+"."+name, "."), f.Type
		var v reflect.Value
		if def.IsValid() {
			v = def.Field(i)
		}
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
			if v.IsValid() {
				v = v.Elem()
			}
		}
		inner, many := ft, ""
		if ft.Kind() == reflect.Slice {
			inner, many, v = ft.Elem(), "[]", reflect.Value{}
		}
		if inner.Kind() == reflect.Struct {
			all = append(all, walk(inner, p+many, docs, v)...)
			continue
		}
		all = append(all, field{path: p, kind: kind(ft), about: docs[t.Name()+"."+f.Name], def: worth(v), typ: ft})
	}
	return all
}

// worth is a default as YAML has it, "" for none.
func worth(v reflect.Value) string {
	if !v.IsValid() || v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[spec.Duration]():
		return "duration"
	case t == reflect.TypeFor[spec.Bytes]():
		return "size"
	case t == reflect.TypeFor[spec.GPUs]():
		return "list or number"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Map:
		return "map"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

// comments reads what stands behind or above each field in a source file.
func comments(t *testing.T, path string) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if st, ok := s.Type.(*ast.StructType); ok {
			for _, fld := range st.Fields.List {
				for _, name := range fld.Names {
					docs[s.Name.Name+"."+name.Name] = strings.Join(strings.Fields(fld.Comment.Text()+fld.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return docs
}

func functionFields(t *testing.T) []field {
	def := registry.Defaults()
	return walk(reflect.TypeFor[spec.Function](), "", comments(t, "../../../runtime/spec/function.go"), reflect.ValueOf(def))
}

func imageFields(t *testing.T) []field {
	return walk(reflect.TypeFor[builder.Recipe](), "", comments(t, "../../../images/builder/recipe.go"), reflect.Value{})
}

func tables(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Every field\n\nMade from the code that reads the files; `go test ./cmd/internal/manual -update` writes it anew. Durations are written like 90s, 15m or\n1h30m, sizes like 512MiB or 4GiB.\n")
	for _, part := range []struct {
		title    string
		fields   []field
		examples map[string]string
	}{{"function.yaml", functionFields(t), examples}, {"image.yaml", imageFields(t), imageExamples}} {
		fmt.Fprintf(&b, "\n## %s\n\n| field | kind | default | example | |\n|---|---|---|---|---|\n", part.title)
		for _, f := range part.fields {
			def := "–"
			if f.def != "" {
				def = "`" + f.def + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s |\n", f.path, f.kind, def, part.examples[f.path], strings.ReplaceAll(f.about, "|", `\|`))
		}
	}
	return b.String()
}

// schema is the JSON schema (2020-12) of function.yaml.
func schema(t *testing.T) []byte {
	root := map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "function.yaml of VideosDGX"}
	object(root)
	for _, f := range functionFields(t) {
		at := root
		parts := strings.Split(f.path, ".")
		for _, p := range parts[:len(parts)-1] {
			at = child(at, p)
		}
		s := map[string]any{"description": f.about}
		kindSchema(s, f)
		if f.def != "" && (f.kind == "text" || f.kind == "duration" || f.kind == "size") {
			s["default"] = f.def
		}
		at["properties"].(map[string]any)[parts[len(parts)-1]] = s
	}
	root["required"] = []string{"name"}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func object(s map[string]any) {
	s["type"], s["properties"], s["additionalProperties"] = "object", map[string]any{}, false
}

// child is the schema of a nested object, or of the items of a list of them ("mounts[]").
func child(s map[string]any, name string) map[string]any {
	props := s["properties"].(map[string]any)
	plain, list := strings.CutSuffix(name, "[]")
	if props[plain] == nil {
		c := map[string]any{}
		object(c)
		props[plain] = c
		if list {
			props[plain] = map[string]any{"type": "array", "items": c}
		}
	}
	c := props[plain].(map[string]any)
	if list {
		return c["items"].(map[string]any)
	}
	return c
}

func kindSchema(s map[string]any, f field) {
	switch f.kind {
	case "duration":
		s["type"], s["pattern"] = "string", `^[0-9]`
	case "size":
		s["type"] = []string{"string", "integer"}
	case "list":
		s["type"], s["items"] = "array", map[string]any{"type": "string"}
	case "list or number":
		s["type"], s["items"], s["minimum"] = []string{"array", "integer"}, map[string]any{"type": "string"}, 0
	case "map":
		s["type"], s["additionalProperties"] = "object", map[string]any{"type": []string{"string", "number", "boolean"}}
	case "true or false":
		s["type"] = "boolean"
	case "text":
		s["type"] = "string"
	default:
		s["type"] = "number"
	}
}

// TestUpToDate: what people read is what the code reads.
func TestUpToDate(t *testing.T) {
	for file, want := range map[string]string{"FIELDS.md": tables(t), "function.schema.json": string(schema(t))} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s is not what the code says (%v): go test ./cmd/internal/manual -update", file, err)
		}
	}
}

// TestEveryFieldHasAnExampleThatIsTaken, one at a time beside what is needed.
func TestEveryFieldHasAnExampleThatIsTaken(t *testing.T) {
	for _, f := range functionFields(t) {
		ex := examples[f.path]
		if ex == "" || f.about == "" {
			t.Errorf("%s has no example, or nothing is said of it", f.path)
			continue
		}
		file := t.TempDir() + "/function.yaml"
		if err := os.WriteFile(file, []byte(manifestWith(f.path, ex)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.Read(file); err != nil {
			t.Errorf("%s: %v\n%s", f.path, err, manifestWith(f.path, ex))
		}
	}
	for _, f := range imageFields(t) {
		if imageExamples[f.path] == "" || f.about == "" {
			t.Errorf("image.yaml: %s has no example, or nothing is said of it", f.path)
		}
	}
}

// manifestWith is a manifest with one field set, and what goes with it.
func manifestWith(path, value string) string {
	doc := map[string]any{"name": "hello", "command": []string{"/bin/true"}}
	with := map[string]any{
		"model": map[string]any{"name": "wan21", "bundle": "wan21-tiny"}, "mounts[]": map[string]any{"source": "data", "target": "/data"},
		"concurrency": 1,
	}
	var v any
	_ = yaml.Unmarshal([]byte(value), &v)
	parts := strings.Split(path, ".")
	at := doc
	for _, p := range parts[:len(parts)-1] {
		next, _ := with[p].(map[string]any)
		if next == nil {
			next = map[string]any{}
		}
		if plain, list := strings.CutSuffix(p, "[]"); list {
			at[plain] = []any{next}
		} else {
			at[p] = next
		}
		at = next
	}
	at[parts[len(parts)-1]] = v
	b, _ := yaml.Marshal(doc)
	return string(b)
}
