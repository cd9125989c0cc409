package text

import (
	"strconv"
	"strings"
	"sync"

	"github.com/dlclark/regexp2"
	"golang.org/x/net/html"
)

// CleanCaption does to a prompt what DeepFloyd's T5 pipelines do twice before they encode it: lower case, addresses, markup,
// file names and what shops write out, dashes and quotes to one kind, most punctuation to spaces. As with Clean, text that was
// decoded in a wrong encoding stays as it is.
func CleanCaption(prompt string) string { return cleanCaption(cleanCaption(prompt)) }

func cleanCaption(s string) string {
	s = strings.ToLower(strings.TrimFunc(unquotePlus(s), pythonSpace))
	s = beforeMarkup().apply(s)
	s = withoutMarkup(s)
	s = afterMarkup().apply(s)
	if n := strings.Count(s, "-") + strings.Count(s, "_"); n > 3 { // this-is-a-file-name
		s = strings.NewReplacer("-", " ", "_", " ").Replace(s)
	}
	s = strings.TrimFunc(mend(s), pythonSpace)
	return strings.TrimFunc(last().apply(s), pythonSpace)
}

// unquotePlus undoes the encoding of URLs, and leaves what is none.
func unquotePlus(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

// withoutMarkup is the text of an HTML fragment.
func withoutMarkup(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			if name, _ := z.TagName(); unshown[string(name)] {
				hidden++
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); unshown[string(name)] && hidden > 0 {
				hidden--
			}
		}
	}
}

var unshown = map[string]bool{"script": true, "style": true, "template": true}

// rules are substitutions, one after the other.
type rules []rule

type rule struct {
	re *regexp2.Regexp
	by string
}

func (r rules) apply(s string) string {
	for _, one := range r {
		if out, err := one.re.Replace(s, one.by, -1, -1); err == nil { // an error is a timeout, and none is set
			s = out
		}
	}
	return s
}

// substitute pairs patterns with what takes their place. They are Python's: \w, \d, \s and \b know all of Unicode, and one looks
// ahead.
func substitute(pairs ...string) func() rules {
	return sync.OnceValue(func() (all rules) { // by who needs it: compiling them takes longer than a server should to start
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, rule{regexp2.MustCompile(pairs[i], regexp2.None), pairs[i+1]})
		}
		return all
	})
}

var (
	beforeMarkup = substitute(
		`<person>`, "person",
		`\b((?:https?:(?:\/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\w/-]*\b\/?(?!@)))`, "",
		`\b((?:www:(?:\/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\w/-]*\b\/?(?!@)))`, "",
	)
	afterMarkup = substitute(
		`@[\w\d]+\b`, "",
		"[\u31c0-\u31ef]+", "", "[\u31f0-\u31ff]+", "", "[\u3200-\u32ff]+", "", "[\u3300-\u33ff]+", "",
		"[\u3400-\u4dbf]+", "", "[\u4dc0-\u4dff]+", "", "[\u4e00-\u9fff]+", "",
		"[\u002D\u058A\u05BE\u1400\u1806\u2010-\u2015\u2E17\u2E1A\u2E3A\u2E3B\u2E40\u301C\u3030\u30A0\uFE31\uFE32\uFE58\uFE63\uFF0D]+", "-",
		"[`´«»“”¨]", `"`,
		"[‘’]", "'",
		`&quot;?`, "",
		`&amp`, "",
		`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}`, " ",
		`\d:\d\d\s+$`, "",
		`\\n`, " ",
		`#\d{1,3}\b`, "",
		`#\d{5,}\b`, "",
		`\b\d{6,}\b`, "",
		`[\S]+\.(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)`, "",
		`["']{2,}`, `"`,
		`[\.]{2,}`, " ",
		`[#®•©™&@·º½¾¿¡§~\)\(\]\[\}\{\|\\/\*]{1,}`, " ",
		`\s+\.\s+`, " ",
	)
	last = substitute(
		`\b[a-zA-Z]{1,3}\d{3,15}\b`, "",
		`\b[a-zA-Z]+\d+[a-zA-Z]+\b`, "",
		`\b\d+[a-zA-Z]+\d+\b`, "",
		`(worldwide\s+)?(free\s+)?shipping`, "",
		`(free\s)?download(\sfree)?`, "",
		`\bclick\b\s(?:for|on)\s\w+`, "",
		`\b(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)(\simage[s]?)?`, "",
		`\bpage\s+\d+\b`, "",
		`\b\d*[a-zA-Z]+\d+[a-zA-Z]+\d+[a-zA-Z\d]*\b`, " ",
		`\b\d+\.?\d*[xх×]\d+\.?\d*\b`, "",
		`\b\s+\:\s+`, ": ",
		`(\D[,\./])\b`, "$1 ",
		`\s+`, " ",
		`^["']([\w\W]+)["']$`, "$1",
		`^['_,\-\:;]`, "",
		`['_,\-\:\+]$`, "",
		`^\.\S+$`, "",
	)
)
