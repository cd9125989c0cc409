package urlevent

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encode gives the event's JSON: what encoding/json makes of r, with <, > and & as they are, since pages would grow. It is
// written out here because reflection took a fifth of what a short call costs the gateway.
func (r Request) Encode() []byte {
	b := make([]byte, 0, 1<<10+len(r.Body)+len(r.Body)/64)
	b = appendText(append(b, `{"version":`...), r.Version)
	b = appendText(append(b, `,"routeKey":`...), r.RouteKey)
	b = appendText(append(b, `,"rawPath":`...), r.RawPath)
	b = appendText(append(b, `,"rawQueryString":`...), r.RawQueryString)
	for i, c := range r.Cookies {
		if i == 0 {
			b = append(b, `,"cookies":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendText(b, c)
	}
	if len(r.Cookies) > 0 {
		b = append(b, ']')
	}
	b = appendTexts(append(b, `,"headers":`...), r.Headers)
	if len(r.Query) > 0 {
		b = appendTexts(append(b, `,"queryStringParameters":`...), r.Query)
	}
	b = r.Context.append(append(b, `,"requestContext":`...))
	if r.Body != "" {
		b = appendText(append(b, `,"body":`...), r.Body)
	}
	b = strconv.AppendBool(append(b, `,"isBase64Encoded":`...), r.IsBase64Encoded)
	return append(b, '}')
}

func (c *Context) append(b []byte) []byte {
	b = appendText(append(b, `{"accountId":`...), c.AccountID)
	b = appendText(append(b, `,"apiId":`...), c.APIID)
	b = appendText(append(b, `,"domainName":`...), c.DomainName)
	b = appendText(append(b, `,"domainPrefix":`...), c.DomainPrefix)
	b = appendText(append(b, `,"http":{"method":`...), c.HTTP.Method)
	b = appendText(append(b, `,"path":`...), c.HTTP.Path)
	b = appendText(append(b, `,"protocol":`...), c.HTTP.Protocol)
	b = appendText(append(b, `,"sourceIp":`...), c.HTTP.SourceIP)
	b = appendText(append(b, `,"userAgent":`...), c.HTTP.UserAgent)
	b = appendText(append(b, `},"requestId":`...), c.RequestID)
	b = appendText(append(b, `,"routeKey":`...), c.RouteKey)
	b = appendText(append(b, `,"stage":`...), c.Stage)
	b = appendText(append(b, `,"time":`...), c.Time)
	b = strconv.AppendInt(append(b, `,"timeEpoch":`...), c.TimeEpoch, 10)
	return append(b, '}')
}

// appendTexts writes an object of strings, by name.
func appendTexts(b []byte, all map[string]string) []byte {
	if all == nil {
		return append(b, "null"...)
	}
	var room [32]string // more than most requests have headers
	names := room[:0]
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, name), ':'), all[name])
	}
	return append(b, '}')
}

// appendText writes a string; what is not UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	begin := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(append(b, s[begin:i]...), `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // they end lines of JavaScript
				b = append(append(append(b, s[begin:i]...), `\u202`...), digits[r&15])
			default:
				i += n
				continue
			}
			i += n
			begin = i
			continue
		}
		b = appendEscape(append(b, s[begin:i]...), c)
		i++
		begin = i
	}
	return append(append(b, s[begin:]...), '"')
}

const digits = "0123456789abcdef"

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
