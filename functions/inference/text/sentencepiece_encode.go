package text

import (
	"strings"
	"unicode/utf8"
)

// normalize writes spaces as a visible character.
func (e spEscape) normalize(s string) (string, bool) {
	before := s
	if e.collapse {
		s = strings.TrimLeft(s, " ")
		for strings.Contains(s, "  ") {
			s = strings.ReplaceAll(s, "  ", " ")
		}
	}
	if s == "" {
		return "", false
	}
	s = strings.ReplaceAll(s, " ", spMark)
	if e.prefix {
		s = spMark + s
	}
	for e.collapse && strings.HasSuffix(s, spMark) {
		s = strings.TrimSuffix(s, spMark)
	}
	return s, s != before
}

// encode joins by score. Pieces that are not to be used any more are taken apart again.
func (m *sentencePiece) encode(s string) ([]int64, error) {
	made := map[string][2]string{}
	joined := joined(m.characters(s), func(l, r symbol) (merge, bool) {
		id, ok := m.ids[l.text+r.text]
		if !ok || l.frozen || r.frozen {
			return merge{}, false
		}
		if m.pieces[id].kind == spUnused {
			made[l.text+r.text] = [2]string{l.text, r.text}
		}
		return merge{rank: m.ranks[id], id: id}, true
	})
	var ids []int64
	unknown := false // the last token is it
	var add func(text string)
	add = func(text string) {
		id, ok := m.ids[text]
		if ok && m.pieces[id].kind == spUnused {
			if parts, ok := made[text]; ok {
				add(parts[0])
				add(parts[1])
				return
			}
		}
		switch bytes, spelt := m.bytes(text); {
		case ok:
			ids = append(ids, int64(id))
		case spelt:
			ids = append(ids, bytes...)
		case !unknown:
			ids = append(ids, int64(m.unk))
		}
		unknown = !ok
	}
	for _, t := range joined {
		add(t.text)
	}
	return ids, nil
}

// bytes spells an unknown character in byte tokens.
func (m *sentencePiece) bytes(c string) (ids []int64, ok bool) {
	for i := range len(c) {
		id, ok := m.all[byteToken(c[i])]
		if !ok || !m.fallback {
			return nil, false
		}
		ids = append(ids, int64(id))
	}
	return ids, len(ids) > 0
}

func (m *sentencePiece) characters(s string) (all []symbol) {
	for at := 0; at < len(s); {
		_, width := utf8.DecodeRuneInString(s[at:])
		one := symbol{text: s[at : at+width]}
		for _, u := range m.user[s[at]] {
			if strings.HasPrefix(s[at:], u) {
				one = symbol{text: u, frozen: true}
				break
			}
		}
		all = append(all, one)
		at += len(one.text)
	}
	return all
}
