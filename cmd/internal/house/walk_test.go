package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

var hop = regexp.MustCompile("([→⇢]\\s+)?`((?:[a-z0-9_]+/)+[a-z0-9_]+)\\.([A-Za-z.]+)`")

// TestTheWalkIsInTheCode follows the three ways in runtime/README.md: each hop is a function that is there, and one behind →
// is named in the body of one before it.
func TestTheWalkIsInTheCode(t *testing.T) {
	text, err := os.ReadFile("../../../runtime/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walk, _ := strings.Cut(string(text), "## Three ways through the code\n")
	walk, _, _ = strings.Cut(walk, "\n## ")
	ways := strings.Split(walk, "\n### ")[1:]
	if len(ways) != 3 {
		t.Fatalf("there are %d ways", len(ways))
	}
	code := functions{}
	for _, way := range ways {
		title, _, _ := strings.Cut(way, "\n")
		hops := hop.FindAllStringSubmatch(way, -1)
		if ticks := strings.Count(way, "`") / 2; len(hops) < 20 || len(hops) != ticks {
			t.Errorf("%s: %d hops of %d names in backquotes", title, len(hops), ticks)
		}
		called := map[string]bool{}
		for _, h := range hops {
			arrow, name := strings.TrimSpace(h[1]), h[3]
			body := code.of(t, h[2])[name]
			switch {
			case body == nil:
				t.Errorf("%s: there is no function %s.%s", title, h[2], name)
				continue
			case arrow == "":
				t.Errorf("%s: no arrow before %s.%s", title, h[2], name)
			case arrow == "→" && !called[name[strings.LastIndexByte(name, '.')+1:]]:
				t.Errorf("%s: nothing before %s.%s calls it", title, h[2], name)
			}
			for callee := range body {
				called[callee] = true
			}
		}
	}
}

// functions are those of packages by name, Function or Type.Method, each with the names in its body.
type functions map[string]map[string]map[string]bool

func (all functions) of(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	if all[dir] != nil {
		return all[dir]
	}
	all[dir] = map[string]map[string]bool{}
	entries, err := os.ReadDir("../../../" + dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), "../../../"+dir+"/"+e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				all[dir][nameOf(d)] = names(d.Body)
			}
		}
	}
	return all[dir]
}

// nameOf gives Function, or Type.Method.
func nameOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	of := d.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if x, ok := of.(*ast.IndexExpr); ok {
		of = x.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "." + d.Name.Name
	}
	return d.Name.Name
}

func names(body ast.Node) map[string]bool {
	all := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			all[id.Name] = true
		}
		return true
	})
	return all
}
